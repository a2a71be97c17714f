//! The client: numbers from the command line, or a prompt.

use std::io::{self, Write};
use std::time::Duration;

use proto::months::{DEFAULT_PORT, Month, Reply, Request};
use runtime::addr::Target;
use runtime::cli::Exit;
use runtime::escape::Escaped;
use runtime::prompt::Prompt;
use runtime::udp::{Client, ClientError};

/// What a client says first: whatever it is, the server introduces itself.
const GREETING: &[u8] = b"hello";

/// The longest line of the prompt, in bytes.
const MAX_LINE: usize = 100;

pub(crate) fn run(target: &Target, months: &[Month], timeout: Duration) -> anyhow::Result<Exit> {
    let mut conversation = Conversation {
        client: Client::connect(target, DEFAULT_PORT)?,
        timeout,
    };
    let introduction = conversation.say(GREETING)?;
    if months.is_empty() {
        prompt(&mut conversation, &introduction)?;
    } else {
        for month in months {
            let answer = conversation.ask(&encoded(Request::Name(*month)))?;
            print(&answer)?;
        }
    }
    conversation.end();
    Ok(Exit::Success)
}

fn prompt(conversation: &mut Conversation, introduction: &[u8]) -> anyhow::Result<()> {
    let mut prompt = Prompt::new("> ", MAX_LINE)?;
    if prompt.is_terminal() {
        print(introduction.trim_ascii())?;
    }
    while let Some(line) = prompt.next_line()? {
        if Request::decode(&line) == Some(Request::End) {
            break;
        }
        print(&conversation.ask(&line)?)?;
    }
    Ok(())
}

fn print(answer: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", Escaped(answer))?;
    out.flush()
}

fn encoded(request: Request) -> Vec<u8> {
    let mut out = Vec::new();
    request.encode(&mut out);
    out
}

struct Conversation {
    client: Client,
    timeout: Duration,
}

impl Conversation {
    fn say(&mut self, request: &[u8]) -> Result<Vec<u8>, ClientError> {
        self.client.request(request, self.timeout)
    }

    /// Asks, and asks again where the server has forgotten this client and introduces itself anew.
    fn ask(&mut self, request: &[u8]) -> Result<Vec<u8>, ClientError> {
        let answer = self.say(request)?;
        if Reply::decode(&answer) == Some(Reply::Introduction) {
            return self.say(request);
        }
        Ok(answer)
    }

    /// Lets the server forget this client. All that was asked for is there: what goes wrong now is no failure.
    fn end(&mut self) {
        if let Err(error) = self.say(&encoded(Request::End)) {
            tracing::debug!(%error, "no goodbye");
        }
    }
}
