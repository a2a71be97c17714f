//! The index beside a list of everything.

use proptest::prelude::*;

use super::*;
use crate::relay::native::frames::{Body, Wants};

const LIMITS: Limits = Limits {
    quota: 4,
    size: 400,
    keep: 10,
};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn person(number: u8) -> Name {
    name(&format!("person-{number}"))
}

fn letter(from: Name, to: Name, id: u64) -> Letter {
    Letter {
        from: Origin::Name(from),
        to,
        id: MessageId(id),
        wants: Wants::Nothing,
        body: Body::Plain,
    }
}

/// One letter of the list.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Listed {
    from: Name,
    to: Name,
    id: u64,
    bytes: u32,
    since: u64,
    place: Place,
}

/// What the index is to be, as simple as it can be said.
#[derive(Debug, Default)]
struct Model {
    list: Vec<Listed>,
    last: u64,
}

impl Model {
    fn bytes(&self, which: impl Fn(&Listed) -> bool) -> u64 {
        let those = self.list.iter().filter(|one| which(one));
        those.map(|one| u64::from(one.bytes)).sum()
    }

    fn between(&self, from: Name, to: Name) -> usize {
        let those = self.list.iter();
        those.filter(|one| (one.from, one.to) == (from, to)).count()
    }

    fn keep(&mut self, from: Name, to: Name, id: u64, bytes: u32, now: u64) -> Result<Keep, Why> {
        let same = |one: &&Listed| (one.from, one.to, one.id) == (from, to, id);
        if let Some(one) = self.list.iter().find(same) {
            return Ok(Keep::Already(one.place));
        }
        let all = self.bytes(|_| true) + u64::from(bytes);
        let own = self.bytes(|one| one.from == from) + u64::from(bytes);
        if self.between(from, to) >= LIMITS.quota as usize || own > LIMITS.size / SHARE {
            return Err(Why::Quota);
        }
        if all > LIMITS.size {
            return Err(Why::Full);
        }
        self.last += 1;
        let (since, place) = (now, Place(self.last));
        self.list.push(Listed {
            from,
            to,
            id,
            bytes,
            since,
            place,
        });
        Ok(Keep::At(place))
    }

    /// Takes those out that are meant.
    fn take(&mut self, which: impl Fn(&Listed) -> bool) -> Vec<(Name, Place)> {
        let (gone, left) = self.list.iter().partition(|one| which(one));
        self.list = left;
        let gone: Vec<Listed> = gone;
        gone.iter().map(|one| (one.to, one.place)).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Keep(u8, u8, u64, u32),
    Forget(u8, u64),
    TakeBack(u8, u64),
    Remove(u8, Vec<u64>),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (who, places) = (0..4_u8, 1..40_u64);
    let some = proptest::collection::btree_set(places.clone(), 0..5);
    let some = some.prop_map(|places| places.into_iter().collect::<Vec<_>>());
    let step = prop_oneof![
        6 => (who.clone(), who.clone(), 0..12_u64, 1..50_u32)
            .prop_map(|(from, to, id, bytes)| Step::Keep(from, to, id, bytes)),
        1 => (who.clone(), places.clone()).prop_map(|(to, until)| Step::Forget(to, until)),
        1 => (who.clone(), places).prop_map(|(to, from)| Step::TakeBack(to, from)),
        1 => (who, some).prop_map(|(to, places)| Step::Remove(to, places)),
        1 => (0..6_u64).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..80)
}

/// Does a step in both, and finds the same.
fn take_step(mail: &mut Mail, model: &mut Model, step: &Step, now: &mut u64) {
    let places = |gone: Vec<(Name, Place)>| gone.into_iter().map(|(_, place)| place);
    match step {
        Step::Keep(from, to, id, bytes) => {
            let (from, to) = (person(*from), person(*to));
            let kept = mail.keep(&letter(from, to, *id), *bytes, *now);
            assert_eq!(kept, model.keep(from, to, *id, *bytes, *now));
        }
        Step::Forget(to, until) => {
            let (to, until) = (person(*to), Place(*until));
            let gone = model.take(|one| one.to == to && one.place <= until);
            assert!(mail.forget(&to, until).into_iter().eq(places(gone)));
        }
        Step::TakeBack(to, from) => {
            let (to, from) = (person(*to), Place(*from));
            let gone = model.take(|one| one.to == to && one.place >= from);
            assert!(mail.take_back(&to, from).into_iter().eq(places(gone)));
        }
        Step::Remove(to, some) => {
            let (to, some) = (person(*to), some.iter().copied().map(Place));
            let some: Vec<_> = some.collect();
            mail.remove(&to, &some);
            model.take(|one| one.to == to && some.contains(&one.place));
        }
        Step::Wait(seconds) => {
            *now += seconds;
            let mut gone = mail.expire(*now);
            gone.sort_unstable();
            let mut expected = model.take(|one| one.since + LIMITS.keep <= *now);
            expected.sort_unstable();
            assert_eq!(gone, expected);
        }
    }
}

/// Both know the same.
fn compare(mail: &Mail, model: &Model) {
    let (letters, bytes) = (model.list.len() as u64, model.bytes(|_| true));
    assert_eq!(mail.counts(), Counts { letters, bytes });
    for to in (0..4).map(person) {
        let all = model.list.iter().filter(|one| one.to == to);
        let places: Vec<_> = all.map(|one| one.place).collect();
        let is_all = true;
        assert_eq!(
            mail.after(&to, Place(0), usize::MAX),
            Waiting { places, is_all }
        );
        assert_eq!(mail.sent_by(&to), model.bytes(|one| one.from == to));
        for from in (0..4).map(person) {
            let between = mail.between(&from, &to) as usize;
            assert_eq!(between, model.between(from, to));
        }
    }
    let has_mail = |to: &Name| model.list.iter().any(|one| one.to == *to);
    let receivers = (0..4).map(person).filter(has_mail).count();
    assert_eq!(mail.receivers().count(), receivers);
}

proptest! {
    #[test]
    fn it_knows_what_a_list_of_everything_would(steps in steps(), seed: u64) {
        let (mut mail, mut model, mut now) = (Mail::new(LIMITS, seed), Model::default(), 1000);
        for step in steps {
            take_step(&mut mail, &mut model, &step, &mut now);
            compare(&mail, &model);
        }
        let mut again = Mail::new(LIMITS, seed);
        model.list.sort_by_key(|one| (one.to, one.place));
        for one in &model.list {
            let letter = letter(one.from, one.to, one.id);
            prop_assert!(again.found(one.place, &letter, one.bytes, one.since));
            prop_assert!(!again.found(one.place, &letter, one.bytes, one.since));
        }
        model.list.sort_by_key(|one| one.place);
        compare(&again, &model);
        for one in &model.list {
            let place = mail.place(&letter(one.from, one.to, one.id));
            prop_assert_eq!(place, Some(one.place));
        }
        for to in mail.receivers().collect::<Vec<_>>() {
            let places = mail.after(&to, Place(0), usize::MAX).places;
            mail.remove(&to, &places);
        }
        prop_assert_eq!(mail.counts(), Counts::default());
        prop_assert_eq!(mail.entries.len() + mail.lanes.len() + mail.parties.len(), 0);
        prop_assert_eq!(mail.by_id.len() + mail.by_pair.len() + mail.by_name.len(), 0);
    }
}

#[test]
fn as_much_as_fits_is_fetched_and_at_least_one() {
    let (alice, bob) = (name("alice"), name("bob"));
    let mut mail = Mail::new(LIMITS, 1);
    for (id, bytes) in [(1, 10), (2, 20), (3, 30)] {
        mail.keep(&letter(alice, bob, id), bytes, 0).unwrap();
    }
    let table = [
        (0, 5, &[1][..], false),
        (0, 30, &[1, 2], false),
        (0, 60, &[1, 2, 3], true),
        (1, 50, &[2, 3], true),
        (2, 0, &[3], true),
        (3, 50, &[], true),
    ];
    for (after, budget, places, is_all) in table {
        let places = places.iter().copied().map(Place).collect();
        let expected = Waiting { places, is_all };
        assert_eq!(
            mail.after(&bob, Place(after), budget),
            expected,
            "{after} {budget}"
        );
    }
    assert!(mail.after(&alice, Place(0), 50).is_all);
}

#[test]
fn one_who_has_as_much_as_they_may_does_not_touch_others() {
    let (alice, bob, carol) = (name("alice"), name("bob"), name("carol"));
    let mut mail = Mail::new(LIMITS, 1);
    for id in 0..4 {
        mail.keep(&letter(alice, carol, id), 1, 0).unwrap();
    }
    assert_eq!(mail.keep(&letter(alice, carol, 4), 1, 0), Err(Why::Quota));
    let again = mail.keep(&letter(alice, carol, 2), 1, 0);
    assert_eq!(again, Ok(Keep::Already(Place(3))));
    assert_eq!(
        mail.keep(&letter(alice, bob, 5), 97, 0),
        Err(Why::Quota),
        "their share"
    );
    assert_eq!(
        mail.keep(&letter(alice, bob, 5), 96, 0),
        Ok(Keep::At(Place(5)))
    );
    assert_eq!(
        mail.keep(&letter(bob, carol, 1), 100, 0),
        Ok(Keep::At(Place(6)))
    );
    mail.forget(&carol, Place(1));
    assert_eq!(
        mail.keep(&letter(alice, carol, 9), 1, 0),
        Ok(Keep::At(Place(7)))
    );
}

#[test]
fn who_has_no_name_has_nothing_kept() {
    let mut mail = Mail::new(LIMITS, 1);
    let from = Origin::Address("192.0.2.1:9".parse().unwrap());
    let letter = Letter {
        from,
        ..letter(name("a"), name("b"), 1)
    };
    assert_eq!(mail.keep(&letter, 1, 0), Err(Why::Nameless));
    assert!(!mail.found(Place(1), &letter, 1, 0));
}

#[test]
fn a_letter_takes_as_much_memory_as_is_said() {
    assert_eq!(size_of::<Entry>(), 32);
    assert_eq!(size_of::<Lane>(), 12);
    assert_eq!(size_of::<Party>(), 56);
}
