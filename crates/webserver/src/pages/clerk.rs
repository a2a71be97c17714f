//! Who makes the pages of folders: a thread of its own, since a folder can be long and a disk slow.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;

use bytes::Bytes;
use jiff::tz::TimeZone;
use proto::http::{Accepted, Coding, Validators};
use runtime::beneath::{Entry, Folder, Kind};
use runtime::tcp::Caller;
use sha2::{Digest, Sha256};

use super::listing::{Listing, MOST};
use super::style::{PLAIN_LINES, html_lines};
use super::view::{Form, View};
use super::{HTML, JSON, Page, html, json};
use crate::site::{Hidden, MADE, pack};

/// How many pages may wait to be made.
const WAITING: usize = 64;

/// Pages that are shorter, in bytes, are not compressed.
const SHORTEST: usize = 1024;

/// How many pages are remembered as long as somebody is sent them.
const REMEMBERED: usize = 32;

/// Makes the pages of folders on a thread of its own, which begins with the first and ends when the last of those who can
/// ask has gone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clerk {
    /// `None` where the system had no thread.
    jobs: Arc<OnceLock<Option<SyncSender<Asked>>>>,
}

/// A page that is wanted.
#[derive(Debug)]
pub(crate) struct Job {
    /// What is on it.
    pub(crate) contents: Contents,
    /// The path of the folder as it was asked for and decoded, without `/` at its ends.
    pub(crate) path: Vec<u8>,
    /// What is left out.
    pub(crate) hidden: Hidden,
    /// How it is shown.
    pub(crate) view: View,
    /// Which codings its peer takes.
    pub(crate) accepted: Accepted,
}

/// What is on a page.
#[derive(Debug)]
pub(crate) enum Contents {
    /// What is in a folder.
    Folder(Folder),
    /// Several roots: their names, and where they are.
    Roots(Vec<(OsString, PathBuf)>),
    /// These.
    #[cfg(test)]
    Entries(Vec<Entry>),
}

/// A page that was asked for.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Mutex<Option<io::Result<Page>>>>);

#[derive(Debug)]
struct Asked {
    job: Job,
    ready: Ticket,
    caller: Option<Caller>,
}

impl Clerk {
    fn start() -> io::Result<SyncSender<Asked>> {
        let (jobs, asked) = sync_channel(WAITING);
        thread::Builder::new()
            .name("listings".into())
            .spawn(move || Desk::default().work(&asked))?;
        Ok(jobs)
    }

    /// Asks for a page; `caller` is called when it is there. `None` where too many wait already, or there is no thread.
    pub(crate) fn ask(&self, job: Job, caller: Caller) -> Option<Ticket> {
        self.hand_in(job, Some(caller))
    }

    fn hand_in(&self, job: Job, caller: Option<Caller>) -> Option<Ticket> {
        let slot = Arc::default();
        let ready = Ticket(Arc::clone(&slot));
        let asked = Asked { job, ready, caller };
        let jobs = self.jobs.get_or_init(|| Self::start().ok());
        jobs.as_ref()?.try_send(asked).ok()?;
        Some(Ticket(slot))
    }
}

impl Ticket {
    /// The page, once it is there.
    pub(crate) fn take(&self) -> Option<io::Result<Page>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether nobody waits for it any more.
    fn is_forgotten(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    fn fill(&self, page: io::Result<Page>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(page);
    }
}

/// What the thread has.
#[derive(Debug)]
struct Desk {
    zone: TimeZone,
    /// Bodies that somebody may still be sent, so that a page for many is in memory once.
    known: Vec<(String, Weak<Vec<u8>>)>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            zone: TimeZone::system(),
            known: Vec::new(),
        }
    }
}

impl Desk {
    fn work(&mut self, asked: &Receiver<Asked>) {
        for Asked { job, ready, caller } in asked {
            if ready.is_forgotten() {
                continue;
            }
            ready.fill(self.make(job));
            if let Some(caller) = caller {
                caller.call();
            }
        }
    }

    fn make(&mut self, job: Job) -> io::Result<Page> {
        let entries = entries(job.contents, job.hidden)?;
        let listing = Listing::new(&job.path, entries, job.view, &self.zone);
        let (media, body, more) = match job.view.form {
            Form::Html => (HTML, html::write(&listing).into_bytes(), html_lines()),
            Form::Json => {
                let mut body = Vec::new();
                json::write(&listing, &mut body)?;
                (JSON, body, PLAIN_LINES.as_bytes())
            }
        };
        let coding = coding(job.accepted, body.len());
        let body = match coding {
            Coding::Identity => body,
            coding => pack(coding, &body)?,
        };
        let etag = etag(&body);
        let body = self.share(&etag, body);
        // When a folder was last changed says nothing of what the files in it have become.
        let modified = None;
        let validators = Some(Validators { etag, modified });
        Ok(Page {
            media,
            body,
            coding,
            validators,
            more,
        })
    }

    /// The same bytes as others have them, where somebody has.
    fn share(&mut self, etag: &str, body: Vec<u8>) -> Bytes {
        self.known.retain(|(_, known)| known.strong_count() > 0);
        let found = self.known.iter().find(|(known, _)| known == etag);
        if let Some(body) = found.and_then(|(_, body)| body.upgrade()) {
            return Bytes::from_owner(Shared(body));
        }
        let body = Arc::new(body);
        if self.known.len() < REMEMBERED {
            self.known.push((etag.into(), Arc::downgrade(&body)));
        }
        Bytes::from_owner(Shared(body))
    }
}

/// A body that others have too.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// How a page of so many bytes is sent.
fn coding(accepted: Accepted, length: usize) -> Coding {
    let [one, two] = MADE;
    let offered = [one, two, Coding::Identity];
    match accepted.best(&offered) {
        Some(coding) if length >= SHORTEST => coding,
        _ => Coding::Identity,
    }
}

/// What is shown of a folder: one more than fit are enough to know that it is cut.
fn entries(contents: Contents, hidden: Hidden) -> io::Result<Vec<Entry>> {
    let mut entries = match contents {
        Contents::Folder(folder) => folder.entries(MOST + 1)?,
        Contents::Roots(roots) => roots.into_iter().filter_map(root).collect(),
        #[cfg(test)]
        Contents::Entries(entries) => entries,
    };
    entries.retain(|entry| !hidden.omits(entry.name.as_bytes()));
    Ok(entries)
}

/// A root as an entry; `None` where it is away.
fn root((name, path): (OsString, PathBuf)) -> Option<Entry> {
    let found = std::fs::metadata(path).ok()?;
    Some(Entry {
        name,
        kind: if found.is_dir() {
            Kind::Folder
        } else {
            Kind::File(found.len())
        },
        modified: found.modified().ok()?,
    })
}

/// A strong tag: the same bytes have the same, others another.
fn etag(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let hex: String = hash[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

#[cfg(test)]
mod tests {
    use super::super::listing::tests::entry;
    use super::*;

    fn desk() -> Desk {
        Desk {
            zone: TimeZone::UTC,
            known: Vec::new(),
        }
    }

    fn job(names: &[&str], hidden: Hidden) -> Job {
        let file = |name: &&str| entry(name, Kind::File(1), 0);
        Job {
            contents: Contents::Entries(names.iter().map(file).collect()),
            path: Vec::new(),
            hidden,
            view: View::default(),
            accepted: Accepted::of(None),
        }
    }

    #[test]
    fn what_begins_with_a_dot_is_shown_where_it_is_served() {
        for (hidden, shown) in [(Hidden::Off, false), (Hidden::Shown, true)] {
            let page = desk().make(job(&[".secret", "a"], hidden)).unwrap();
            let text = String::from_utf8(page.body.to_vec()).unwrap();
            assert_eq!(text.contains(".secret"), shown);
            assert!(text.contains("href=\"a\""));
        }
    }

    #[test]
    fn a_page_for_many_is_in_memory_once() {
        let mut desk = desk();
        let one = desk.make(job(&["a"], Hidden::Off)).unwrap();
        let two = desk.make(job(&["a"], Hidden::Off)).unwrap();
        let other = desk.make(job(&["b"], Hidden::Off)).unwrap();
        assert_eq!(one.body.as_ptr(), two.body.as_ptr());
        assert_eq!(one.validators, two.validators);
        assert_ne!(one.validators, other.validators);
        drop((one, two, other));
        desk.make(job(&["c"], Hidden::Off)).unwrap();
        assert_eq!(desk.known.len(), 1);
    }

    #[test]
    fn the_thread_makes_what_is_asked_for() {
        let clerk = Clerk::default();
        let ticket = clerk.hand_in(job(&["a"], Hidden::Off), None).unwrap();
        let start = std::time::Instant::now();
        let page = loop {
            match ticket.take() {
                Some(page) => break page.unwrap(),
                None => assert!(start.elapsed().as_secs() < 60, "no page came"),
            }
            thread::yield_now();
        };
        assert_eq!(page.media, HTML);
    }
}
