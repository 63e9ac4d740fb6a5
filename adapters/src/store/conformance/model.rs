//! Long histories without a plan, compared with the memory store's answers.

use super::Subject;
use super::fixture::{Ask, Told, log, log_of, run, texts, with_body};
use crate::store::{Memory, Store};
use driftless_core::event::NewEvent;
use driftless_core::name::LogName;
use driftless_core::server::AppendRun;
use std::sync::Arc;

/// Appends of one history: enough for several blocks of whatever a store groups events in.
const APPENDS: usize = 400;

/// Whatever is appended in whatever order, a store gives the same answers as [`Memory`].
pub fn unplanned_histories_agree_with_the_memory_store(subject: &mut dyn Subject) {
    for seed in 1..=3 {
        let model: Arc<dyn Store> = Arc::new(Memory::new());
        let mut store = subject.create();
        let (mut told, mut chance) = (Told::watching(&store), Chance(seed));
        let model_told = Told::watching(&model);
        for made in 0..APPENDS {
            let runs = chance.runs();
            assert_eq!(
                store.append_runs(runs.clone()),
                model.append_runs(runs),
                "seed {seed}, append {made}"
            );
            if made % 20 == 0 {
                compare(&store, &model, &mut chance);
            }
            if made == APPENDS / 2 {
                assert_eq!(told.of(&logs()[0]), model_told.of(&logs()[0]));
                drop(store);
                // A store that does not outlive its handles has shown enough.
                let Some(again) = subject.reopen() else { return };
                store = again;
                told = Told::watching(&store);
            }
        }
        for log in logs() {
            assert_eq!(
                texts(&store.whole(&log).events),
                texts(&model.whole(&log).events),
                "seed {seed}, {log}"
            );
            let (second_half, all) = (told.of(&log), model_told.of(&log));
            assert_eq!(second_half, all[all.len() - second_half.len()..]);
        }
        for namespace in ["default", "tenant-2"] {
            assert_eq!(store.list(namespace), model.list(namespace));
        }
    }
}

fn logs() -> [LogName; 3] {
    [log("users"), log("orders"), log_of("tenant-2", "users")]
}

/// Asks both the same questions.
fn compare(store: &Arc<dyn Store>, model: &Arc<dyn Store>, chance: &mut Chance) {
    for log in logs() {
        let head = model.whole(&log).head.get();
        let (after, events, bytes) = (chance.below(head + 2), chance.below(50), chance.below(3000));
        let (events, bytes) = (
            usize::try_from(events).unwrap_or(1),
            usize::try_from(bytes).unwrap_or(1),
        );
        let (page, wanted) = (
            store.page(&log, after, events, bytes),
            model.page(&log, after, events, bytes),
        );
        assert_eq!(page, wanted, "{log} after {after}");
        let (id, record) = (chance.id(), chance.record());
        assert_eq!(store.find(&log, &id), model.find(&log, &id), "{log} {id}");
        assert_eq!(
            store.newest_of(&log, &record),
            model.newest_of(&log, &record),
            "{log} {record}"
        );
    }
}

/// Numbers without a plan, the same in every run (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (n ^ (n >> 31)) % limit.max(1)
    }

    fn runs(&mut self) -> Vec<AppendRun> {
        (0..self.below(4))
            .map(|_| {
                let [users, orders, other] = logs();
                // Most go to one log, so that it becomes long.
                let log = match self.below(10) {
                    0 => orders,
                    1 => other,
                    _ => users,
                };
                let events = (0..self.below(12)).map(|_| self.event()).collect();
                run(&log, events)
            })
            .collect()
    }

    /// Few enough ids that some come again, with the same body or with another.
    fn id(&mut self) -> String {
        format!("e{}", self.below(6000))
    }

    fn record(&mut self) -> String {
        format!("r{}", self.below(500))
    }

    fn event(&mut self) -> NewEvent {
        let (id, record) = (self.id(), self.record());
        let other = if self.below(10) == 0 { self.below(3) } else { 0 };
        let mut event = with_body(&id, &record, &format!(r#"{{"eventId":"{id}","n":{other}}}"#));
        event.package_complete = self.below(2) == 0;
        event
    }
}
