//! A line for each packet. All times are in nanoseconds; what is not known is empty.

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use proto::measure::{Record, State};

/// The names of the columns. Packets are numbered from 1; times are since the measurement began but those of the server,
/// which are by its own clock since the Unix epoch.
const HEADER: &str = "packet,state,sent_ns,left_ns,came_ns,came_stamp_ns,network_rtt_ns,application_rtt_ns,at_server,server_received_ns,server_sent_ns,server_left_ns,dscp,ecn";

pub(in crate::probe) fn header(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{HEADER}")
}

pub(in crate::probe) fn row(record: &Record, out: &mut impl Write) -> io::Result<()> {
    let (came, times) = (record.came, record.times);
    let service = times.and_then(|times| times.service);
    write!(out, "{},{}", record.number + 1, state(record.state))?;
    time(Some(record.sent), out)?;
    time(record.left, out)?;
    time(came.map(|came| came.at), out)?;
    time(came.and_then(|came| came.stamp), out)?;
    time(record.network, out)?;
    time(record.application(), out)?;
    field(record.at_server, out)?;
    field(times.map(|times| times.received), out)?;
    field(times.map(|times| times.sent), out)?;
    field(times.and_then(|times| times.left), out)?;
    field(service.map(|service| service >> 2), out)?;
    field(service.map(|service| service & 3), out)?;
    writeln!(out)
}

fn time(time: Option<Duration>, out: &mut impl Write) -> io::Result<()> {
    field(time.map(|time| time.as_nanos()), out)
}

fn field(value: Option<impl Display>, out: &mut impl Write) -> io::Result<()> {
    match value {
        Some(value) => write!(out, ",{value}"),
        None => write!(out, ","),
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::OnTime => "on_time",
        State::Late => "late",
        State::Overdue => "lost",
        State::Waiting => "waiting",
        State::NotSent => "not_sent",
    }
}

#[cfg(test)]
mod tests {
    use proto::measure::{Came, EchoTimes};

    use super::*;

    fn record() -> Record {
        let us = Duration::from_micros;
        Record {
            number: 0,
            state: State::OnTime,
            sent: us(1),
            left: Some(us(4)),
            at_server: Some(true),
            came: Some(Came {
                at: us(100),
                stamp: Some(us(80)),
            }),
            times: Some(EchoTimes {
                received: 1_000_000,
                received_by_kernel: true,
                sent: 1_005_000,
                tells_left: true,
                left: Some(1_006_000),
                service: Some(46 << 2 | 1),
            }),
            network: Some(us(70)),
        }
    }

    fn rows(records: &[Record]) -> String {
        let mut out = Vec::new();
        header(&mut out).unwrap();
        for record in records {
            row(record, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_have_what_is_known() {
        let lost = |number, state| Record {
            number,
            state,
            left: None,
            at_server: None,
            came: None,
            times: None,
            network: None,
            ..record()
        };
        let records = [
            record(),
            lost(1, State::Overdue),
            lost(2, State::NotSent),
            lost(3, State::Waiting),
        ];
        let text = rows(&records);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[1..],
            [
                "1,on_time,1000,4000,100000,80000,70000,99000,true,1000000,1005000,1006000,46,1",
                "2,lost,1000,,,,,,,,,,,",
                "3,not_sent,1000,,,,,,,,,,,",
                "4,waiting,1000,,,,,,,,,,,",
            ]
        );
        for line in &lines {
            assert_eq!(line.split(',').count(), HEADER.split(',').count(), "{line}");
        }
    }
}
