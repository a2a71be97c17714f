//! `get`: fetches what another side offers.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use proto::filexfer::native::message::{Course, Request};
use proto::filexfer::native::name::Name;
use runtime::cli::Exit;
use runtime::log::Verbosity;

use crate::args::{Get, Saving};
use crate::classic;
use crate::connect::{Other, names};
use crate::key::{self, Stdin};
use crate::retry::{Again, conclude, persist};
use crate::show::{Show, Stage, Stdout, Way};
use crate::sink::{self, Manner, Place};
use crate::source::Wanted;
use crate::transfer::{Event, Watch};

pub(crate) fn run(args: &Get, verbosity: Verbosity) -> anyhow::Result<Exit> {
    let place = place(args.output.as_deref());
    let stdout = match place {
        Place::Stdout => Stdout::Data,
        Place::Folder(_) | Place::File(_) => Stdout::Words,
    };
    check(args, &place)?;
    let stage = Stage::new(&args.telling, verbosity, stdout);
    if args.classic {
        return fetch_classic(args, &place, &stage);
    }
    let wanted = Wanted {
        names: names(&args.names)?,
        filters: args.choosing.filters()?,
    };
    let other = Other::new(args.target.as_ref(), &args.keyed, Stdin::Free)?;
    let again = match place {
        Place::Stdout => Again::Once,
        Place::Folder(_) | Place::File(_) => Again::GoesOn,
    };
    let course = args.going.course();
    let mut show = stage.show(Way::Received, course, None);
    let manner = Manner {
        wanted: wanted.names.clone(),
        course,
        filters: wanted.filters.clone(),
        ..args.saving.manner()
    };
    let retry = args.connecting.retry;
    let ended = persist(retry, again, &other.shutdown, &mut show, |show| {
        let (session, _held) = other.connect(Request::Get(course), &wanted)?;
        Ok(sink::receive(session, &place, &manner, show)?)
    });
    conclude(show, ended)
}

/// Where files go, as it is typed.
fn place(output: Option<&Path>) -> Place {
    let Some(path) = output else {
        return Place::Folder(PathBuf::from("."));
    };
    let ends_in_slash = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if path == Path::new("-") {
        Place::Stdout
    } else if ends_in_slash || path.is_dir() {
        Place::Folder(path.to_owned())
    } else {
        Place::File(path.to_owned())
    }
}

/// Whether there is what was asked for in a place of this kind.
fn check(args: &Get, place: &Place) -> anyhow::Result<()> {
    let is_folder = matches!(place, Place::Folder(_));
    ensure!(
        is_folder || !args.saving.delete,
        "expected a folder with --delete, such as -o downloads/: nothing is superfluous beside a file"
    );
    let is_stdout = matches!(place, Place::Stdout);
    ensure!(
        !is_stdout || args.going.course() != Course::Follow,
        "expected a file or a folder with --watch: standard output cannot be written again"
    );
    ensure!(
        !is_stdout || !args.saving.in_place,
        "expected a file or a folder with --in-place"
    );
    Ok(())
}

fn fetch_classic(args: &Get, place: &Place, stage: &Stage) -> anyhow::Result<Exit> {
    let Some(target) = &args.target else {
        bail!("expected the address of a classic server: it does not offer itself");
    };
    ensure!(
        args.names.is_empty(),
        "expected no names with --classic: a classic server has one file"
    );
    ensure!(
        args.keyed.key_file.is_some(),
        "expected --key-file with --classic: a classic server makes no codes"
    );
    let key = key::known(&args.keyed, Stdin::Free)?;
    let mut show = stage.show(Way::Received, Course::Once, None);
    match place {
        Place::Folder(_) => {
            bail!(
                "expected -o FILE or -o - with --classic: that wire does not say what the file is called"
            )
        }
        Place::Stdout => {
            let name = Name::new(*b"stdout")?;
            begin(&mut show, &name);
            let mut out = io::stdout().lock();
            classic::fetch(target, &key, &mut out, |bytes| {
                show.tell(Event::Moved(bytes))
            })?;
            out.flush()?;
        }
        Place::File(path) => {
            let part = Part::new(path, &args.saving)?;
            begin(&mut show, &Name::new(part.name())?);
            let mut out = BufWriter::with_capacity(256 * 1024, &part.file);
            classic::fetch(target, &key, &mut out, |bytes| {
                show.tell(Event::Moved(bytes))
            })?;
            out.flush().context("cannot write what came")?;
            drop(out);
            part.finish()?;
        }
    }
    show.finish_unverified();
    Ok(Exit::Success)
}

fn begin(show: &mut Show, name: &Name) {
    let (size, from) = (None, 0);
    show.tell(Event::Begun { name, size, from });
}

/// A file that is not complete yet, beside the one that it is to be. It goes when it is dropped before its end.
struct Part<'a> {
    path: &'a Path,
    part: PathBuf,
    file: File,
    saving: &'a Saving,
}

impl<'a> Part<'a> {
    fn new(path: &'a Path, saving: &'a Saving) -> anyhow::Result<Self> {
        let name = path
            .file_name()
            .context("expected the name of a file after -o")?;
        ensure!(
            saving.overwrite || !path.exists(),
            "{} is there already; --overwrite replaces it",
            path.display()
        );
        let mut part = std::ffi::OsString::from(".");
        part.push(name);
        part.push(format!(".filexfer-{}.part", std::process::id()));
        let part = path.with_file_name(part);
        let file = File::create_new(&part);
        let file = file.with_context(|| format!("cannot write {}", part.display()))?;
        Ok(Self {
            path,
            part,
            file,
            saving,
        })
    }

    fn name(&self) -> Vec<u8> {
        let name = self.path.file_name().unwrap_or_default();
        name.as_encoded_bytes().to_vec()
    }

    fn finish(self) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", self.path.display());
        if !self.saving.no_sync {
            self.file.sync_all().with_context(cannot)?;
        }
        if self.saving.overwrite {
            return fs::rename(&self.part, self.path).with_context(cannot);
        }
        // Unlike a rename this replaces nothing that came meanwhile.
        fs::hard_link(&self.part, self.path).with_context(cannot)
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        // After a rename it is gone.
        let _ = fs::remove_file(&self.part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_as_they_are_typed() {
        let kind = |output: Option<&str>| match place(output.map(Path::new)) {
            Place::Folder(path) => format!("folder {}", path.display()),
            Place::File(path) => format!("file {}", path.display()),
            Place::Stdout => "stdout".to_owned(),
        };
        let table = [
            (None, "folder ."),
            (Some("-"), "stdout"),
            (Some("/"), "folder /"),
            (Some("new/"), "folder new/"),
            (Some("no/such"), "file no/such"),
        ];
        for (output, expected) in table {
            assert_eq!(kind(output), expected);
        }
    }
}
