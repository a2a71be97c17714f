//! The numbered menu of five choices, on the classic wire: for people, and for scripts that feed the numbers.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use proto::relay::native::client::{Event, Incoming};
use proto::relay::native::frames::{Stage, To, Wants, Why};
use proto::relay::native::handshake::Purpose;
use runtime::cli::Exit;
use runtime::escape::Escaped;
use runtime::prompt::{Prompt, PromptError};
use runtime::units;

use crate::peer::{Arrival, Happening, Heard, Inbox, Peer, Reach};
use crate::relays::Relays;
use crate::words;

const CHOICES: &str = "
1  My address
2  Send a message
3  Receive messages
4  Stop the relay
5  Quit
";

/// The longest line that is taken, in bytes.
const MAX_LINE: usize = 4096;

/// How long the answer to a greeting may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a relay that stops may take before it is asked whether it has.
const STOPPING: Duration = Duration::from_millis(300);

/// How long a verdict may take: longer than the machine waits for one.
const VERDICT: Duration = Duration::from_secs(4);

/// Talk to others by a numbered menu, on the classic wire
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  relay menu example.org                                          a conversation
  printf '2\\n192.0.2.7\\n50123\\nhello\\n5\\n' | relay menu example.org   the same choices from a script")]
pub(crate) struct Args {
    /// Relay: HOST, HOST:PORT or [V6]:PORT, or several of one community: A,B,C [default port: 9000]
    target: Relays,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    let reach = Reach {
        target: args.target.clone(),
        classic: true,
    };
    let inbox = Inbox::new()?;
    let Arrival { peer, at } =
        reach.connect(&crate::who::Who::nameless(), Purpose::Hear, &inbox)?;
    let teller = inbox.teller();
    thread::Builder::new().name("input".into()).spawn(move || {
        let mut prompt = Prompt::plain(MAX_LINE);
        loop {
            let text = match prompt.next_line() {
                Ok(Some(line)) => String::from_utf8_lossy(&line).into_owned(),
                Err(PromptError::TooLong { .. }) => "a line that is too long".to_owned(),
                Ok(None) | Err(PromptError::Failed(_)) => break,
            };
            teller.tell(Happening::Local(Typed::Line(text)));
        }
        teller.tell(Happening::Local(Typed::End));
    })?;
    let mut menu = Menu {
        peer,
        inbox,
        at,
        typed: VecDeque::new(),
        has_ended: false,
    };
    menu.run()?;
    Ok(Exit::Success)
}

#[derive(Debug)]
enum Typed {
    Line(String),
    End,
}

struct Menu {
    peer: Peer,
    inbox: Inbox<Typed>,
    at: SocketAddr,
    /// Lines that were typed before they were asked for.
    typed: VecDeque<String>,
    has_ended: bool,
}

/// What happens while something is waited for.
enum Moment {
    Heard(Heard),
    Typed,
    Over,
}

impl Menu {
    fn run(&mut self) -> anyhow::Result<()> {
        while let Some(choice) = self.ask(&format!("{CHOICES}Choice: "))? {
            match choice.trim() {
                "1" => self.address()?,
                "2" => self.send()?,
                "3" => self.receive()?,
                "4" => self.stop()?,
                "5" => break,
                other => say(&format!(
                    "Expected a number from 1 to 5, got '{}'.",
                    Escaped(other.as_bytes())
                ))?,
            }
        }
        Ok(())
    }

    fn address(&mut self) -> io::Result<()> {
        match self.is_there()? {
            true => say(&format!(
                "Your address: {}, port {}",
                self.at.ip(),
                self.at.port()
            )),
            false => say("The relay does not answer."),
        }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        let Some(to) = self.ask_address()? else {
            return Ok(());
        };
        let Some(text) = self.ask("Text: ")? else {
            return Ok(());
        };
        match self
            .peer
            .send(To::Address(to), text.trim().as_bytes(), Wants::Nothing)
        {
            Err(error) => say(&format!("Not sent: {error}."))?,
            Ok(_) => {
                let verdict = self.verdict(to)?;
                say(&verdict)?;
            }
        }
        Ok(())
    }

    fn ask_address(&mut self) -> io::Result<Option<SocketAddr>> {
        let expected = "an address such as 192.0.2.7 or 2001:db8::7";
        let read = |text: &str| text.trim_matches(['[', ']']).parse::<IpAddr>().ok();
        let Some(ip) = self.ask_until("IP: ", expected, read)? else {
            return Ok(None);
        };
        let read = |text: &str| text.parse::<u16>().ok().filter(|port| *port != 0);
        let port = self.ask_until("Port: ", "a number from 1 to 65535", read)?;
        Ok(port.map(|port| SocketAddr::new(ip, port)))
    }

    /// What became of the message that was just sent.
    fn verdict(&mut self, to: SocketAddr) -> io::Result<String> {
        let deadline = Instant::now() + VERDICT;
        loop {
            let stage = match self.next(Some(deadline))? {
                Moment::Heard(Heard::Event(Event::Receipt { stage, .. })) => stage,
                Moment::Heard(Heard::NoVerdict(_)) | Moment::Over => {
                    return Ok("No answer: it may have arrived, or not.".to_owned());
                }
                Moment::Heard(_) | Moment::Typed => continue,
            };
            return Ok(match stage {
                Stage::Refused(Why::NotClassic) => {
                    "Not sent: the relay could not read it.".to_owned()
                }
                Stage::Refused(why) => {
                    format!("Not sent (405): {}.", words::why(why, To::Address(to)))
                }
                _ => "Sent (200): the relay has passed it on.".to_owned(),
            });
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let read = |text: &str| match text {
            "" => Some(None),
            text => units::positive_time(text).ok().map(Some),
        };
        let question = "How long, such as 10 (seconds); Enter alone waits for the next Enter: ";
        let Some(time) = self.ask_until(question, "a time such as 10 or 500ms", read)? else {
            return Ok(());
        };
        let deadline = time.map(|time| Instant::now() + time);
        while deadline.is_some() || self.typed.pop_front().is_none() {
            match self.next(deadline)? {
                Moment::Over => break,
                Moment::Heard(_) | Moment::Typed => {}
            }
        }
        Ok(())
    }

    fn stop(&mut self) -> io::Result<()> {
        let read = |text: &str| match text.to_ascii_lowercase().as_str() {
            "y" | "yes" => Some(true),
            "n" | "no" | "" => Some(false),
            _ => None,
        };
        if self.ask_until("Stop it for everybody? (yes/no): ", "yes or no", read)? != Some(true) {
            return say("It goes on.");
        }
        self.peer.stop_relay();
        self.wait(STOPPING)?;
        match self.is_there()? {
            true => say("The relay goes on: it does not let you stop it."),
            false => say("The relay has stopped."),
        }
    }

    fn wait(&mut self, time: Duration) -> io::Result<()> {
        let until = Instant::now() + time;
        while !matches!(self.next(Some(until))?, Moment::Over) {}
        Ok(())
    }

    /// Whether the relay answers, and where it sees this client.
    fn is_there(&mut self) -> io::Result<bool> {
        self.peer.greet();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next(Some(deadline))? {
                Moment::Heard(Heard::Event(Event::Registered { at, .. })) => {
                    self.at = at;
                    return Ok(true);
                }
                Moment::Heard(Heard::Trouble(_)) | Moment::Over => return Ok(false),
                Moment::Heard(_) | Moment::Typed => {}
            }
        }
    }

    /// Asks until the answer is one; `None` at the end of input.
    fn ask_until<T>(
        &mut self,
        question: &str,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> io::Result<Option<T>> {
        while let Some(line) = self.ask(question)? {
            if let Some(answer) = read(line.trim()) {
                return Ok(Some(answer));
            }
            say(&format!(
                "Expected {expected}, got '{}'.",
                Escaped(line.trim().as_bytes())
            ))?;
        }
        Ok(None)
    }

    /// The next line; `None` at the end of input.
    fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        let last = question.rsplit('\n').next().unwrap_or_default();
        print(question)?;
        loop {
            if let Some(line) = self.typed.pop_front() {
                return Ok(Some(line));
            }
            if self.has_ended {
                print("\n")?;
                return Ok(None);
            }
            if let Moment::Heard(Heard::Event(Event::Message(_))) = self.next(None)? {
                print(last)?;
            }
        }
    }

    /// The next thing that happens. Messages are shown, and lines kept, whatever is waited for.
    fn next(&mut self, deadline: Option<Instant>) -> io::Result<Moment> {
        Ok(match self.inbox.next(deadline) {
            Happening::Timeout => Moment::Over,
            Happening::Stop => {
                self.has_ended = true;
                Moment::Over
            }
            Happening::Local(Typed::End) => {
                self.has_ended = true;
                if deadline.is_none() {
                    Moment::Over
                } else {
                    Moment::Typed
                }
            }
            Happening::Local(Typed::Line(line)) => {
                self.typed.push_back(line);
                Moment::Typed
            }
            Happening::Heard(heard) => {
                if let Heard::Event(Event::Message(message)) = &heard {
                    show(message)?;
                }
                Moment::Heard(heard)
            }
        })
    }
}

fn show(message: &Incoming) -> io::Result<()> {
    let (from, text) = (words::origin(message.from), Escaped(&message.content));
    say(&format!("\nFrom {from}: {text}"))
}

fn say(text: &str) -> io::Result<()> {
    print(&format!("{text}\n"))
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
