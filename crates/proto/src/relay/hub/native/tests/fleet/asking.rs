//! Questions of clients for which all relays are asked, and what is answered to other relays.

use super::*;
use crate::relay::fleet::{Asked, Listed};
use crate::relay::hub::elsewhere::PATIENCE;
use crate::relay::native::frames::{
    LISTED, Member, RELAYS_LISTED, RelayState, Reply, RoomSize, Trouble,
};

fn ask(world: &mut World, who: usize, number: u32, question: Question) {
    world.say(who, &Ask { number, question }, &[]);
    world.settle();
}

fn answers(world: &mut World, who: usize) -> Vec<Answer> {
    let heard = world.heard(who).into_iter();
    heard
        .filter_map(|heard| match heard {
            Heard::Answer(answer) => Some(answer),
            _ => None,
        })
        .collect()
}

fn relays(world: &mut World, who: usize) -> Vec<RelayState> {
    ask(world, who, 1, Question::Relays);
    let answers = answers(world, who);
    let (last, others) = answers.split_last().unwrap();
    assert!(!last.more && others.iter().all(|answer| answer.more));
    let lists = answers.into_iter().map(|answer| match answer.reply {
        Reply::Relays(relays) => {
            assert!(relays.len() <= RELAYS_LISTED);
            relays
        }
        other => panic!("{other:?}"),
    });
    lists.flatten().collect()
}

#[test]
fn who_is_in_a_room_is_asked_of_all_relays() {
    let mut fleet = Fleet::new();
    let alice = fleet.person(0, "alice");
    joins(&mut fleet.worlds[0], alice, "lobby");
    for at in 0..LISTED + 5 {
        let who = fleet.person(1, &format!("p{at}"));
        joins(&mut fleet.worlds[1], who, "lobby");
    }
    fleet.settle();
    ask(&mut fleet.worlds[0], alice, 7, Question::Who(name("lobby")));
    fleet.settle();
    let mut people = Vec::new();
    let answers = answers(&mut fleet.worlds[0], alice);
    let (last, others) = answers.split_last().unwrap();
    assert!(!last.more && others.iter().all(|answer| answer.more));
    for answer in answers {
        let Reply::Members(members) = answer.reply else {
            panic!("{answer:?}")
        };
        assert_eq!(answer.number, 7);
        people.extend(members.into_iter().map(|member| member.who));
    }
    people.sort_unstable();
    people.dedup();
    assert_eq!(people.len(), LISTED + 6);
    assert_eq!(fleet.worlds[0].hub.native.questions.len(), 0);
}

#[test]
fn rooms_of_several_relays_are_summed() {
    let mut fleet = Fleet::new();
    let (alice, bob) = (fleet.person(0, "alice"), fleet.person(1, "bob"));
    joins(&mut fleet.worlds[0], alice, "lobby");
    joins(&mut fleet.worlds[1], bob, "lobby");
    joins(&mut fleet.worlds[1], bob, "attic");
    fleet.settle();
    ask(&mut fleet.worlds[0], alice, 1, Question::Rooms);
    fleet.settle();
    let room = |text: &str, members| RoomSize {
        room: name(text),
        members,
    };
    let answer = Answer {
        number: 1,
        reply: Reply::Rooms(vec![room("attic", 1), room("lobby", 2)]),
        more: false,
    };
    assert_eq!(answers(&mut fleet.worlds[0], alice), [answer]);
}

#[test]
fn a_question_that_others_do_not_answer_has_an_end() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    joins(&mut world, alice, "lobby");
    errands(&mut world);
    world.heard(alice);
    ask(&mut world, alice, 1, Question::Who(name("lobby")));
    ask(&mut world, alice, 2, Question::Rooms);
    ask(&mut world, alice, 3, Question::Keys(name("zoe")));
    let first = answers(&mut world, alice);
    assert_eq!(first.len(), 1);
    assert!(first[0].more);
    world.pass(PATIENCE / 2, secs(1));
    assert_eq!(answers(&mut world, alice), []);
    assert!(world.hub.deadline().is_some());
    world.pass(PATIENCE / 2, secs(1));
    let ends = answers(&mut world, alice);
    let numbers: Vec<_> = ends
        .iter()
        .map(|answer| (answer.number, answer.more))
        .collect();
    assert_eq!(numbers, [(1, false), (2, false), (3, false)]);
    assert_eq!(ends[2].reply, Reply::Keys(None));
    for errand in errands(&mut world) {
        if let Errand::Gather { ticket, .. } = errand {
            let listed = Some(Listed::Members(vec![Member {
                who: origin("zoe"),
                dropped: 0,
            }]));
            let is_all = true;
            tell(
                &mut world,
                News::Gathered {
                    ticket,
                    listed,
                    is_all,
                },
            );
        }
    }
    assert_eq!(answers(&mut world, alice), [], "it comes too late");
}

#[test]
fn the_keys_of_a_name_that_is_new_here_are_looked_for_once() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    errands(&mut world);
    let zoe = name("zoe");
    ask(&mut world, alice, 1, Question::Keys(zoe));
    ask(&mut world, bob, 2, Question::Keys(zoe));
    assert_eq!(errands(&mut world), [Errand::Look { name: zoe }]);
    let found = Some(keys("zoe"));
    tell(
        &mut world,
        News::Found {
            name: zoe,
            keys: found,
        },
    );
    for (who, number) in [(alice, 1), (bob, 2)] {
        let (reply, more) = (Reply::Keys(found), false);
        let answer = Answer {
            number,
            reply,
            more,
        };
        assert_eq!(answers(&mut world, who), [answer]);
    }
    ask(&mut world, alice, 3, Question::Keys(zoe));
    assert_eq!(answers(&mut world, alice).len(), 1, "they are remembered");
    assert_eq!(errands(&mut world), []);
}

#[test]
fn one_client_has_so_many_questions_open() {
    let mut world = alone();
    let (alice, bob) = (known(&mut world, "alice"), known(&mut world, "bob"));
    joins(&mut world, bob, "lobby");
    errands(&mut world);
    for number in 0..100 {
        let question = match number % 2 {
            0 => Question::Rooms,
            _ => Question::Who(name("lobby")),
        };
        ask(&mut world, alice, number, question);
    }
    let open = world.hub.native.questions.len();
    assert!((6..=16).contains(&open), "{open}");
    assert_eq!(errands(&mut world).len(), open);
    ask(&mut world, bob, 1, Question::Who(name("lobby")));
    assert_eq!(errands(&mut world).len(), 1, "others may ask");
    for number in 0..5000 {
        let question = Question::Keys(name(&format!("n{number}")));
        world.say(alice, &Ask { number, question }, &[]);
    }
    world.settle();
    assert_eq!(errands(&mut world).len(), 4096);
    ask(&mut world, bob, 1, Question::Keys(name("zoe")));
    assert_eq!(errands(&mut world).len(), 1, "others may ask");
    world.say(alice, &Bye { why: Ending::Done }, &[]);
    world.pass(PATIENCE, secs(1));
    let native = &world.hub.native;
    assert_eq!((native.questions.len(), native.looks.len()), (0, 0));
    assert_eq!(world.counts().sessions, 1);
}

#[test]
fn what_another_relay_asks_is_answered_in_frames_that_fit() {
    let mut world = World::with(Settings {
        clients: 3000,
        ..fleet_settings(1)
    });
    let room = name("lobby");
    for at in 0..1100 {
        world.hub.remember_keys(name(&format!("p{at}")), &keys("p"));
        let who = world.person(&format!("p{at}"));
        world.say(who, &Join { room, after: None }, &[]);
    }
    world.settle();
    errands(&mut world);
    let reply = ReplyTo(1);
    let asked = Asked::Who(room);
    tell(&mut world, News::Asked { reply, asked });
    let sizes: Vec<_> = errands(&mut world)
        .into_iter()
        .map(|errand| match errand {
            Errand::Answer {
                listed: Listed::Members(members),
                ..
            } => members.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [500, 500, 100]);
    let asked = Asked::Rooms;
    tell(&mut world, News::Asked { reply, asked });
    let listed = Listed::Rooms(vec![RoomSize {
        room,
        members: 1100,
    }]);
    assert_eq!(errands(&mut world), [Errand::Answer { reply, listed }]);
    let asked = Asked::Who(name("nowhere"));
    tell(&mut world, News::Asked { reply, asked });
    assert_eq!(errands(&mut world), []);
}

#[test]
fn how_the_relays_are_is_told_with_what_this_one_counts() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    let lone = RelayState {
        sessions: 1,
        ..RelayState::default()
    };
    assert_eq!(relays(&mut world, alice), [lone]);
    let state = |id, sessions| RelayState {
        id,
        sessions,
        mail: 7,
        troubles: vec![Trouble::CutOff],
        ..RelayState::default()
    };
    let all = (1..=12).map(|id| state(id, 99)).collect();
    tell(&mut world, News::Fleet { relays: all });
    let told = relays(&mut world, alice);
    let expected: Vec<_> = (1..=12)
        .map(|id| state(id, if id == 1 { 1 } else { 99 }))
        .collect();
    assert_eq!(told, expected);
}

#[test]
fn what_others_say_of_themselves_is_cut_to_what_fits() {
    let mut world = alone();
    let alice = known(&mut world, "alice");
    let state = RelayState {
        id: u64::MAX,
        label: "\u{e9}".repeat(1000),
        uptime: u64::MAX,
        heard: u64::MAX,
        classic: u64::MAX,
        sessions: u64::MAX,
        rooms: u64::MAX,
        mail: u64::MAX,
        mail_bytes: u64::MAX,
        troubles: vec![Trouble::Silent; 1000],
    };
    let all = vec![state; 1000];
    tell(&mut world, News::Fleet { relays: all });
    let told = relays(&mut world, alice);
    assert_eq!(told.len(), 256);
    assert_eq!(told[1].label.len(), RelayState::LABEL);
    assert_eq!(told[1].troubles.len(), RelayState::TROUBLES);
}
