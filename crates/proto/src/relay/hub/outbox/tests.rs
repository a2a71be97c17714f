use proptest::prelude::*;

use super::*;

fn peer(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 4000))
}

fn push(out: &mut Outbox, to: u8, via: u16, datagram: &[u8]) -> RunId {
    out.push(peer(to), Via(via), datagram.len(), |run| {
        run.extend_from_slice(datagram);
    })
}

/// The receivers' last numbers and the sizes of their datagrams, run by run.
fn shape(out: &Outbox) -> Vec<(u16, usize, usize)> {
    let number = |to: SocketAddr| match to.ip() {
        IpAddr::V4(ip) => u16::from(ip.octets()[3]),
        IpAddr::V6(_) => 0,
    };
    out.runs()
        .map(|run| (number(run.to), run.size, run.datagrams.len()))
        .collect()
}

#[test]
fn equal_datagrams_to_one_receiver_are_one_run() {
    let mut out = Outbox::new();
    for _ in 0..3 {
        push(&mut out, 1, 0, b"four");
        push(&mut out, 2, 0, b"sixsix");
    }
    assert_eq!(shape(&out), [(1, 4, 12), (2, 6, 18)]);
}

#[test]
fn a_shorter_one_ends_a_run_and_a_longer_one_begins_another() {
    let mut out = Outbox::new();
    for datagram in [&b"four"[..], b"four", b"two", b"four", b"fives", b"fives"] {
        push(&mut out, 1, 0, datagram);
    }
    assert_eq!(shape(&out), [(1, 4, 11), (1, 4, 4), (1, 5, 10)]);
}

#[test]
fn another_way_out_is_another_run() {
    let mut out = Outbox::new();
    for via in [0, 1, 1, 0] {
        push(&mut out, 1, via, b"four");
    }
    let ways: Vec<_> = out
        .runs()
        .map(|run| (run.via.0, run.datagrams.len()))
        .collect();
    assert_eq!(ways, [(0, 4), (1, 8), (0, 4)]);
}

#[test]
fn a_run_has_its_limits() {
    let mut out = Outbox::new();
    for _ in 0..=Outbox::MAX_DATAGRAMS {
        push(&mut out, 1, 0, b"a");
    }
    let datagram = [0; 20_000];
    for _ in 0..4 {
        push(&mut out, 2, 0, &datagram);
    }
    let most = Outbox::MAX_DATAGRAMS;
    assert_eq!(
        shape(&out),
        [
            (1, 1, most),
            (1, 1, 1),
            (2, 20_000, 60_000),
            (2, 20_000, 20_000)
        ]
    );
}

#[test]
fn what_is_empty_stands_alone() {
    let mut out = Outbox::new();
    assert!(out.is_empty());
    push(&mut out, 1, 0, b"");
    push(&mut out, 1, 0, b"");
    assert_eq!(shape(&out), [(1, 0, 0), (1, 0, 0)]);
}

#[test]
fn what_failed_is_told_until_it_is_cleared() {
    let mut out = Outbox::new();
    let (one, two) = (push(&mut out, 1, 0, b"a"), push(&mut out, 2, 0, b"a"));
    out.fail(two);
    out.fail(RunId(9));
    let told = [one, two, RunId(9)].map(|run| out.has_failed(run));
    assert_eq!(told, [false, true, false]);
    out.clear();
    assert!(out.is_empty());
    push(&mut out, 3, 0, b"a");
    let again = push(&mut out, 4, 0, b"a");
    assert!(!out.has_failed(again));
    assert_eq!(shape(&out), [(3, 1, 1), (4, 1, 1)]);
}

#[test]
fn the_room_that_is_kept_is_bounded() {
    let mut out = Outbox::new();
    let datagram = [0; 60_000];
    for _ in 0..3 {
        for _ in 0..500 {
            push(&mut out, 1, 0, &datagram);
        }
        for _ in 0..10_000 {
            push(&mut out, 1, 0, b"");
        }
        out.clear();
        let room: usize = out.runs.iter().map(|run| run.datagrams.capacity()).sum();
        assert_eq!(room, out.kept);
        assert!(room <= Outbox::KEPT, "{room}");
        assert!(room > Outbox::KEPT / 2, "{room}");
        assert!(out.runs.len() <= Outbox::KEPT_RUNS);
    }
}

proptest! {
    /// Whatever is pushed, each receiver gets it all in its order, and the runs are what the system takes.
    #[test]
    fn each_receiver_gets_all_in_order(
        fillings in proptest::collection::vec(
            proptest::collection::vec((0..20u8, 0..2u16, 0..6usize), 0..300),
            1..4,
        ),
    ) {
        let mut out = Outbox::new();
        for filling in fillings {
            let mut expected = vec![Vec::new(); 20];
            for (number, (to, via, length)) in filling.into_iter().enumerate() {
                let datagram = vec![number as u8; length];
                expected[usize::from(to)].push((via, datagram.clone()));
                push(&mut out, to, via, &datagram);
            }
            let mut found = vec![Vec::new(); 20];
            for run in out.runs() {
                let to = (0..20).find(|number| peer(*number) == run.to).unwrap();
                let datagrams: Vec<_> = if run.size == 0 {
                    vec![&[][..]]
                } else {
                    run.datagrams.chunks(run.size).collect()
                };
                prop_assert!(datagrams.len() <= Outbox::MAX_DATAGRAMS);
                for datagram in datagrams {
                    found[usize::from(to)].push((run.via.0, datagram.to_vec()));
                }
            }
            prop_assert_eq!(found, expected);
            out.clear();
        }
    }
}
