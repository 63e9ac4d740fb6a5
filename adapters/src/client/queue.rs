//! A queue whose items do not outlive its reader.

use async_channel::{Receiver, TryRecvError};

/// The reading end of a queue. When it goes, what waits in the queue goes too, and with it the answers that somebody
/// hopes for: a queue alone keeps its items as long as anybody can write to it.
#[derive(Debug)]
pub(super) struct Queue<T>(pub(super) Receiver<T>);

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        self.0.close();
        // Empty and not closed: an item that was on its way when the queue was closed.
        while !matches!(self.0.try_recv(), Err(TryRecvError::Closed)) {
            std::hint::spin_loop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_goes_with_the_reader() {
        let (sender, receiver) = async_channel::bounded(2);
        let (answer, hope) = futures_channel::oneshot::channel::<()>();
        sender.try_send(answer).unwrap();
        drop(Queue(receiver));
        assert_eq!(
            futures_util::FutureExt::now_or_never(hope),
            Some(Err(futures_channel::oneshot::Canceled))
        );
        assert!(sender.is_closed());
    }
}
