//! The store in this process, with errands made by hand; and in another one that is killed, or has a full disk.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use proto::relay::hub::elsewhere::{News, Outcome, Ticket, Way};
use proto::relay::hub::{ExitPolicy, Reach, Settings, Targets};
use proto::relay::letter::{Kept, Letter, Place};
use proto::relay::mail::Limits;
use proto::relay::native::frames::{Body, Origin, RelayState, Trouble, Wants, Why};
use proto::relay::native::{Identity, MessageId, Name};

use super::disk::{Change, Disk, Use};
use super::*;

const LIMITS: Limits = Limits {
    quota: 10_000_000,
    size: 1_000_000_000,
    keep: 1000,
};

/// When all of it happens, in seconds since 1970.
const TIME: u64 = 1_800_000_000;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("plumbline-store-{}-{count}", std::process::id());
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn keeper(&self) -> Keeper {
        self.keeper_of(LIMITS)
    }

    fn keeper_of(&self, limits: Limits) -> Keeper {
        Keeper::open(&self.0, limits, 1).unwrap()
    }

    /// What opening it says is wrong.
    fn error(&self) -> String {
        let error = Keeper::open(&self.0, LIMITS, 1).err().unwrap();
        format!("{error:#}")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn send(from: &str, to: &str, id: u64, content: &[u8]) -> Errand {
    let letter = Letter {
        from: Origin::Name(name(from)),
        to: name(to),
        id: MessageId(id),
        wants: Wants::Delivered,
        body: Body::Sealed,
    };
    let content = content.to_vec();
    let (ticket, way) = (Ticket(id), Way::Keep);
    Errand::Send {
        ticket,
        letter,
        content,
        way,
    }
}

fn fetch(name: Name, after: u64) -> Errand {
    let after = Place(after);
    let round = 7;
    Errand::Fetch { name, round, after }
}

/// What became of letters, by their tickets.
fn settled(news: &[News]) -> Vec<(u64, Outcome)> {
    let settled = news.iter().filter_map(|news| match news {
        News::Settled { ticket, outcome } => Some((ticket.0, *outcome)),
        _ => None,
    });
    settled.collect()
}

fn fetched(news: Vec<News>) -> (Vec<Kept>, bool) {
    let mut fetched = news.into_iter().filter_map(|news| match news {
        News::Fetched {
            letters,
            is_all,
            round: 7,
            ..
        } => Some((letters, is_all)),
        _ => None,
    });
    fetched.next().expect("what was asked for")
}

/// All that waits for a name, however often it must be asked for.
fn drain(keeper: &mut Keeper, name: Name) -> Vec<Kept> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let (letters, is_all) = fetched(keeper.turn(vec![fetch(name, after)], TIME));
        after = letters.last().map_or(after, |kept| kept.place.0);
        all.extend(letters);
        if is_all {
            return all;
        }
    }
}

fn ids(letters: &[Kept]) -> Vec<u64> {
    letters.iter().map(|kept| kept.letter.id.0).collect()
}

/// Turns until this is so.
fn turn_until(keeper: &mut Keeper, is_so: impl Fn(&Keeper, &[News]) -> bool) {
    for _ in 0..2000 {
        let news = keeper.turn(Vec::new(), TIME);
        if is_so(keeper, &news) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it is not so after 20 s");
}

/// What the hub was told last of how the store is.
fn state(news: &[News]) -> Option<RelayState> {
    let mut states = news.iter().filter_map(|news| match news {
        News::Fleet { relays } => relays.first().cloned(),
        _ => None,
    });
    states.next()
}

#[test]
fn what_is_kept_is_there_again_until_it_is_forgotten() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    let group = vec![
        send("alice", "bob", 1, b"one"),
        send("carol", "bob", 2, &[7; 100_000]),
        send("alice", "bo", 3, b""),
        fetch(name("bob"), 0),
    ];
    let news = keeper.turn(group, TIME);
    let kept = [1, 2, 3].map(|id| (id, Outcome::Kept));
    assert_eq!(settled(&news), kept);
    let (letters, is_all) = fetched(news);
    assert!(is_all && ids(&letters) == [1, 2]);
    drop(keeper);

    let mut keeper = folder.keeper();
    let (letters, _) = fetched(keeper.turn(vec![fetch(name("bob"), 0)], TIME + 60));
    assert_eq!(ids(&letters), [1, 2]);
    assert_eq!(letters[0].content, b"one");
    assert_eq!(letters[1].content, [7; 100_000]);
    assert_eq!(letters[0].letter.from, Origin::Name(name("alice")));
    assert_eq!(
        (letters[0].letter.wants, letters[0].letter.body),
        (Wants::Delivered, Body::Sealed)
    );
    assert_eq!(letters[0].waited, 60);
    let (to, until) = (name("bob"), letters[0].place);
    keeper.turn(vec![Errand::Forget { name: to, until }], TIME);
    keeper.close();

    let mut keeper = folder.keeper();
    assert_eq!(ids(&drain(&mut keeper, name("bob"))), [2]);
    assert_eq!(ids(&drain(&mut keeper, name("bo"))), [3]);
    assert!(drain(&mut keeper, name("alice")).is_empty());
}

#[test]
fn what_comes_again_is_kept_once_and_quotas_hold() {
    let folder = Folder::new();
    let limits = Limits { quota: 2, ..LIMITS };
    let mut keeper = folder.keeper_of(limits);
    let one = || send("alice", "bob", 1, b"one");
    let news = keeper.turn(vec![one(), one()], TIME);
    assert_eq!(settled(&news), [(1, Outcome::Kept); 2]);
    let group = [2, 3].map(|id| send("alice", "bob", id, b""));
    let news = keeper.turn(group.to_vec(), TIME);
    let refused = Outcome::Refused(Why::Quota);
    assert_eq!(settled(&news), [(2, Outcome::Kept), (3, refused)]);
    drop(keeper);
    let mut keeper = folder.keeper_of(limits);
    let news = keeper.turn(vec![one(), send("carol", "bob", 9, b"")], TIME);
    assert_eq!(settled(&news), [(1, Outcome::Kept), (9, Outcome::Kept)]);
    assert_eq!(ids(&drain(&mut keeper, name("bob"))), [1, 2, 9]);
    assert_eq!(keeper.figures().refused.get(), 0);
}

#[test]
fn what_is_too_much_is_told_until_there_is_room() {
    let folder = Folder::new();
    let limits = Limits {
        size: 4000,
        ..LIMITS
    };
    let mut keeper = folder.keeper_of(limits);
    let group: Vec<_> = (0..5)
        .map(|id| send(&format!("p{id}"), "bob", id, &[0; 800]))
        .collect();
    let news = keeper.turn(group, TIME);
    assert_eq!(settled(&news)[4], (4, Outcome::Refused(Why::Full)));
    let told = state(&news).expect("the first is told at once");
    assert_eq!(
        (told.mail, &told.troubles[..]),
        (4, &[Trouble::StoreFull][..])
    );
    let (name, until) = (name("bob"), Place(u64::MAX));
    keeper.turn(vec![Errand::Forget { name, until }], TIME);
    turn_until(&mut keeper, |_, news| {
        state(news).is_some_and(|state| state.mail == 0 && state.troubles.is_empty())
    });
}

#[test]
fn much_mail_is_fetched_in_parts() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    let group: Vec<_> = (0..3000)
        .map(|id| send("alice", "bob", id, &[1; 200]))
        .collect();
    keeper.turn(group, TIME);
    let (letters, is_all) = fetched(keeper.turn(vec![fetch(name("bob"), 0)], TIME));
    assert!(!is_all && letters.len() > 500 && letters.len() < 2000);
    let all = drain(&mut keeper, name("bob"));
    assert!(all.iter().map(|kept| kept.letter.id.0).eq(0..3000));
}

#[test]
fn what_nobody_came_for_in_time_is_gone() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    keeper.turn(vec![send("alice", "bob", 1, b"")], TIME);
    keeper.turn(vec![send("alice", "bob", 2, b"")], TIME + 500);
    drop(keeper);
    let mut keeper = folder.keeper();
    let (letters, _) = fetched(keeper.turn(vec![fetch(name("bob"), 0)], TIME + 1000));
    assert_eq!(ids(&letters), [2]);
    assert_eq!(keeper.figures().expired.get(), 1);
    keeper.close();
    let mut keeper = folder.keeper();
    assert_eq!(ids(&drain(&mut keeper, name("bob"))), [2]);
}

#[test]
fn whose_names_are_is_recalled() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    let owners = (1..=3_u8).map(|number| Errand::Owner {
        name: name(&format!("n{number}")),
        keys: Identity::new([number; 32]).keys(),
    });
    keeper.turn(owners.collect(), TIME);
    drop(keeper);
    let settings = Settings {
        targets: Targets::Registered,
        exit: ExitPolicy::Never,
        secret: [0; 32],
        own: Vec::new(),
        ports: Vec::new(),
        clients: 10,
        history: 0,
        reach: Reach::Store,
    };
    let mut hub = Hub::new(settings, Duration::ZERO);
    folder.keeper().recall(&mut hub).unwrap();
    assert_eq!(hub.counts(Duration::ZERO).names, 3);
}

#[test]
fn two_relays_do_not_share_a_store() {
    let folder = Folder::new();
    let keeper = folder.keeper();
    assert!(
        folder.error().contains("another relay"),
        "{}",
        folder.error()
    );
    drop(keeper);
    folder.keeper();
}

fn change(folder: &Folder, key: &[u8], value: &[u8]) {
    let disk = Disk::open(&folder.0, Use::Writing).unwrap();
    let change = Change::put(key.to_vec(), value.to_vec());
    disk.commit(vec![change]).unwrap();
}

#[test]
fn another_layout_is_refused_with_the_cure() {
    let folder = Folder::new();
    drop(folder.keeper());
    change(&folder, form::VERSION, &7_u32.to_be_bytes());
    let error = folder.error();
    assert!(
        error.contains("layout 1") && error.contains("found 7"),
        "{error}"
    );
    assert!(error.contains("choose another folder"), "{error}");
}

#[test]
fn what_is_damaged_is_passed_by() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    let group = (1..=3).map(|id| send("alice", "bob", id, b"text"));
    keeper.turn(group.collect(), TIME);
    drop(keeper);
    let key = form::mail_key(&name("bob"), Place(2));
    change(&folder, &key, b"\0\0\0\0\0\0\0\0\x01 no frame");
    change(&folder, b"m", b"");
    change(&folder, b"n", b"");
    change(&folder, b"nbob", &[0xFF; 200]);
    let mut keeper = folder.keeper();
    assert_eq!(ids(&drain(&mut keeper, name("bob"))), [1, 3]);
    drop(keeper);
    // The same while it runs.
    let mut keeper = folder.keeper();
    keeper.turn(vec![send("alice", "carol", 4, b"")], TIME);
    keeper.turn(vec![send("alice", "carol", 5, b"")], TIME);
    let place = drain(&mut keeper, name("carol"))[0].place;
    let key = form::mail_key(&name("carol"), place);
    keeper.write_by_hand(vec![Change::put(key, b"nonsense".to_vec())]);
    assert_eq!(ids(&drain(&mut keeper, name("carol"))), [5]);
}

#[test]
fn a_database_that_was_not_finished_is_of_no_use() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    keeper.turn(vec![send("alice", "bob", 1, b"text")], TIME);
    drop(keeper);
    // One whose making was interrupted early, and one without the number of its layout.
    fs::create_dir_all(folder.0.join("3")).unwrap();
    fs::write(folder.0.join("3/0.jnl"), b"").unwrap();
    let other = Folder::new();
    drop(other.keeper());
    let disk = Disk::open(&other.0, Use::Writing).unwrap();
    disk.commit(vec![Change::Remove(form::VERSION.into())])
        .unwrap();
    drop(disk);
    fs::rename(other.0.join("1"), folder.0.join("2")).unwrap();
    let mut keeper = folder.keeper();
    assert_eq!(ids(&drain(&mut keeper, name("bob"))), [1]);
    assert!(!folder.0.join("2").exists() && !folder.0.join("3").exists());
}

#[test]
fn what_was_fetched_gives_its_room_back() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    keeper.turn(
        vec![Errand::Owner {
            name: name("bob"),
            keys: Identity::new([1; 32]).keys(),
        }],
        TIME,
    );
    keeper.turn(vec![send("alice", "carol", 1, b"stays")], TIME);
    for round in 0..40 {
        let group = (0..500).map(|id| send("alice", "bob", round * 1000 + id, &[3; 1200]));
        keeper.turn(group.collect(), TIME);
    }
    let (to, until) = (name("bob"), Place(u64::MAX));
    keeper.turn(vec![Errand::Forget { name: to, until }], TIME);
    turn_until(&mut keeper, |keeper, _| keeper.used() < 2_000_000);
    assert_eq!(ids(&drain(&mut keeper, name("carol"))), [1]);
    keeper.turn(vec![send("alice", "bob", 99_999, b"")], TIME);
    drop(keeper);
    let mut keeper = folder.keeper();
    assert_eq!(ids(&drain(&mut keeper, name("carol"))), [1]);
    assert_eq!(ids(&drain(&mut keeper, name("bob"))), [99_999]);
    assert!(keeper.used() < 2_000_000);
}

/// Where many were fetched at once, a mark is written; they are removed when there is time.
#[test]
fn many_that_were_forgotten_are_not_there_again() {
    let folder = Folder::new();
    let mut keeper = folder.keeper();
    let group = (0..100).map(|id| send("alice", "bob", id, b"old"));
    keeper.turn(group.collect(), TIME);
    let until = drain(&mut keeper, name("bob"))[89].place;
    let to = name("bob");
    keeper.turn(vec![Errand::Forget { name: to, until }], TIME);
    keeper.close();
    for round in 0..2 {
        let mut keeper = folder.keeper();
        let left: Vec<_> = (90..100 + round).collect();
        assert_eq!(ids(&drain(&mut keeper, to)), left);
        turn_until(&mut keeper, |keeper, _| keeper.on_disk() == (left.len(), 0));
        keeper.turn(vec![send("alice", "bob", 100 + round, b"new")], TIME);
        keeper.close();
    }
    let mut keeper = folder.keeper();
    let all = drain(&mut keeper, to);
    let until = all[all.len() - 1].place;
    keeper.turn(vec![Errand::Forget { name: to, until }], TIME);
    keeper.close();
    let mut keeper = folder.keeper();
    assert!(drain(&mut keeper, to).is_empty());
    keeper.turn(
        vec![send("alice", "bob", 7, b"its place is a new one")],
        TIME,
    );
    keeper.close();
    assert_eq!(ids(&drain(&mut folder.keeper(), to)), [7]);
}

/// Runs a test of this file in a process of its own, in this folder.
fn child(test: &str, folder: &Folder) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    let test = format!("serve::store::tests::{test}");
    child.args(["--exact", &test, "--nocapture", "--include-ignored"]);
    child.env(FOLDER, &folder.0);
    child
}

const FOLDER: &str = "PLUMBLINE_TEST_STORE";

/// The folder of a test that another one started as a process.
fn given_folder() -> Option<Folder> {
    let path = env::var_os(FOLDER)?;
    Some(Folder(path.into()))
}

/// Keeps mail without an end, and says what is kept; started by another test.
#[test]
fn process_that_is_killed() {
    let Some(folder) = given_folder() else {
        return;
    };
    let mut keeper = folder.keeper();
    let start = drain(&mut keeper, name("bob"))
        .last()
        .map_or(0, |kept| kept.letter.id.0);
    for first in (start + 1..).step_by(8) {
        let group = (first..first + 8).map(|id| send("alice", "bob", id, &[9; 300]));
        let news = keeper.turn(group.collect(), TIME);
        for (id, outcome) in settled(&news) {
            assert_eq!(outcome, Outcome::Kept);
            cli_line(&format!("kept {id}"));
        }
    }
}

fn cli_line(text: &str) {
    runtime::cli::announce(&format!("{text}\n")).unwrap();
}

#[test]
fn what_was_said_to_be_kept_outlives_a_kill() {
    let folder = Folder::new();
    let mut last = 0;
    for round in 0..5 {
        let mut child = child("process_that_is_killed", &folder);
        let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let numbers = lines.map_while(Result::ok).filter_map(|line| {
            let number = line.strip_prefix("kept ")?.parse::<u64>();
            number.ok()
        });
        let mut numbers = numbers.into_iter();
        last = numbers.nth(100 + 37 * round).expect("it keeps mail");
        child.kill().unwrap();
        last = numbers.last().unwrap_or(last);
        child.wait().unwrap();
    }
    let mut keeper = folder.keeper();
    let all = ids(&drain(&mut keeper, name("bob")));
    let (end, count) = (all[all.len() - 1], all.len() as u64);
    assert!(end >= last, "{last} was kept, {end} is the last one there");
    assert!(all.into_iter().eq(1..=count), "all of them, each once");
}

/// Fills a small disk that only it sees; started by another test.
#[test]
fn process_with_a_full_disk() {
    let Some(folder) = given_folder() else {
        return;
    };
    let ballast = folder.0.join("ballast");
    fs::write(&ballast, vec![1; 9_000_000]).unwrap();
    let mut keeper = folder.keeper();
    let mut kept = fill(&mut keeper, 1);
    assert!(kept.len() > 100, "{}", kept.len());
    // All that is kept can be read, and what was refused is not there.
    assert_eq!(drain_all(&mut keeper), kept);
    cli_line("it is full");

    fs::remove_file(&ballast).unwrap();
    turn_until(&mut keeper, |_, news| {
        state(news).is_some_and(|state| state.troubles.is_empty())
    });
    let more = fill(&mut keeper, 1_000_000);
    assert!(more.len() > 100, "{}", more.len());
    kept.extend(more);
    assert_eq!(drain_all(&mut keeper), kept);
    cli_line("it is full again");
    drop(keeper);
    let mut keeper = folder.keeper();
    assert_eq!(drain_all(&mut keeper), kept);

    // Who comes back makes room.
    for to in RECEIVERS {
        let (name, until) = (name(to), Place(u64::MAX));
        keeper.turn(vec![Errand::Forget { name, until }], TIME);
    }
    turn_until(&mut keeper, |_, news| {
        state(news).is_some_and(|state| state.mail == 0 && state.troubles.is_empty())
    });
    let again = fill(&mut keeper, 2_000_000);
    assert!(again.len() > 100, "{}", again.len());
    drop(keeper);
    let mut keeper = folder.keeper();
    assert_eq!(drain_all(&mut keeper), again);
    cli_line("it had room again");
}

const RECEIVERS: [&str; 3] = ["bob", "carol", "dave"];

/// Keeps mail until it is refused, and a little longer; the ids of all that is kept.
fn fill(keeper: &mut Keeper, first: u64) -> BTreeSet<u64> {
    let (mut kept, mut refused) = (BTreeSet::new(), 0);
    for first in (first..).step_by(30) {
        let group = (first..first + 30).map(|id| {
            let to = RECEIVERS[id as usize % RECEIVERS.len()];
            send("alice", to, id, &[9; 500])
        });
        for (id, outcome) in settled(&keeper.turn(group.collect(), TIME)) {
            match outcome {
                Outcome::Kept => assert!(kept.insert(id)),
                Outcome::Refused(Why::Full) => refused += 1,
                other => panic!("{other:?}"),
            }
        }
        if refused > 300 {
            return kept;
        }
    }
    unreachable!("there is no end of numbers")
}

fn drain_all(keeper: &mut Keeper) -> BTreeSet<u64> {
    let mut counts = BTreeMap::<u64, usize>::new();
    for to in RECEIVERS {
        for id in ids(&drain(keeper, name(to))) {
            *counts.entry(id).or_default() += 1;
        }
    }
    assert!(counts.values().all(|count| *count == 1));
    counts.into_keys().collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_refuses_mail_until_there_is_room() {
    let folder = Folder::new();
    let child = child("process_with_a_full_disk", &folder);
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--mount", "sh", "-ec"]);
    inside.arg("mount -t tmpfs -o size=20m none \"$0\"; exec \"$@\"");
    inside
        .arg(&folder.0)
        .arg(child.get_program())
        .args(child.get_args());
    let output = inside.env(FOLDER, &folder.0).output();
    let Ok(output) = output else {
        return cli_line("SKIPPED: expected unshare(1)");
    };
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if complained.contains("unshare: ") || complained.contains("mount: ") {
        return cli_line(&format!(
            "SKIPPED: expected a mount of its own: {complained}"
        ));
    }
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("it had room again"), "{said}{complained}");
}
