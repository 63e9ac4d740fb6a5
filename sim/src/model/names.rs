//! Short numbers for long ids.

use bytestring::ByteString;
use xxhash_rust::xxh3::xxh3_64;

/// Texts and their numbers, counted from 0 in the order of their first occurrence. A table of our own: found by hash,
/// iterated in the order of the numbers alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    texts: Vec<ByteString>,
    /// A power of two of places; each holds a number plus one, or zero.
    table: Vec<u32>,
}

impl Names {
    /// The number of a text; a new one if it has none.
    pub(crate) fn intern(&mut self, text: &ByteString) -> u32 {
        if self.texts.len() * 2 >= self.table.len() {
            self.grow();
        }
        let place = self.place(text);
        if let Some(number) = self.table[place].checked_sub(1) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).expect("a run has fewer than 2^32 ids");
        self.texts.push(text.clone());
        self.table[place] = number + 1;
        number
    }

    /// The number of a text, if it has one.
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        if self.table.is_empty() {
            return None;
        }
        self.table[self.place(text)].checked_sub(1)
    }

    /// The text of a number.
    pub(crate) fn text(&self, number: u32) -> &ByteString {
        &self.texts[number as usize]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Where a text is, or would be.
    fn place(&self, text: &str) -> usize {
        let mask = self.table.len() - 1;
        let mut place = usize::try_from(xxh3_64(text.as_bytes()) & mask as u64).unwrap_or(0);
        while let Some(number) = self.table[place].checked_sub(1)
            && *self.texts[number as usize] != *text
        {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        let places = (self.table.len() * 2).max(64);
        self.table = vec![0; places];
        for number in 0..self.texts.len() {
            let place = self.place(&self.texts[number]);
            self.table[place] = u32::try_from(number + 1).expect("a run has fewer than 2^32 ids");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number() {
        let mut names = Names::default();
        let texts: Vec<ByteString> = (0..1_000).map(|number| format!("id {number}").into()).collect();
        for (number, text) in (0u32..).zip(&texts) {
            assert_eq!(names.find(text), None);
            assert_eq!(names.intern(text), number);
        }
        for (number, text) in (0u32..).zip(&texts) {
            assert_eq!((names.intern(text), names.find(text)), (number, Some(number)));
            assert_eq!(names.text(number), text);
        }
        assert_eq!(names.len(), 1_000);
    }
}
