use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fs, thread};

use super::*;

/// A folder of a test, which goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let (id, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("plumbline-folder-{id}-{count}"));
        fs::create_dir_all(path.join("in")).unwrap();
        fs::create_dir_all(path.join("out")).unwrap();
        Self(path)
    }

    /// What may be written, beside `out`, which may not.
    fn inner(&self) -> PathBuf {
        self.0.join("in")
    }

    fn folder(&self) -> Folder {
        Folder::open(&self.inner()).unwrap()
    }

    fn is_out_empty(&self) -> bool {
        fs::read_dir(self.0.join("out")).unwrap().next().is_none()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn parts(path: &str) -> impl Iterator<Item = &[u8]> {
    path.split('/').map(str::as_bytes)
}

fn save(folder: &Folder, name: &[u8], content: &[u8], replace: Replace) -> Result<(), FolderError> {
    let partial = folder.partial(b".part")?;
    partial.file().set_len(0)?;
    partial.file().write_all(content)?;
    folder.publish(&partial, name, replace)
}

#[test]
fn names_that_are_no_part_of_a_path() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    for name in [&b""[..], b".", b"..", b"a/b", b"/", b"../out/x", b"a\0"] {
        let text = name.escape_ascii();
        let refused = |result| matches!(result, Err(FolderError::Name(_)));
        assert!(refused(folder.look(name).map(|_| ())), "{text}");
        assert!(
            refused(beneath(&folder, [name], None).map(|_| ())),
            "{text}"
        );
        assert!(refused(folder.partial(name).map(|_| ())), "{text}");
        assert!(refused(folder.remove(name)), "{text}");
        assert!(refused(save(&folder, name, b"x", Replace::Yes)), "{text}");
    }
}

#[test]
fn folders_are_made_and_files_saved() {
    let scratch = Scratch::new();
    let folder = beneath(&scratch.folder(), parts("a/b/c"), None).unwrap();
    let partial = folder.partial(b".part").unwrap();
    partial.file().write_all(b"content").unwrap();
    folder.publish(&partial, b"file", Replace::No).unwrap();
    folder.sync().unwrap();
    let path = scratch.inner().join("a/b/c");
    assert_eq!(fs::read(path.join("file")).unwrap(), b"content");
    assert!(!path.join(".part").exists());
    let found = folder.look(b"file").unwrap().unwrap();
    assert_eq!((found.kind, found.size), (Kind::File, 7));
    assert_eq!(folder.look(b"other").unwrap(), None);
    folder.remove(b"file").unwrap();
    folder.remove(b"file").unwrap();
    assert_eq!(folder.look(b"file").unwrap(), None);
}

#[test]
fn what_is_there_is_replaced_only_when_asked_for() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    save(&folder, b"file", b"one", Replace::No).unwrap();
    let kept = save(&folder, b"file", b"two", Replace::No);
    assert!(matches!(kept, Err(FolderError::Exists)));
    assert_eq!(fs::read(scratch.inner().join("file")).unwrap(), b"one");
    save(&folder, b"file", b"two", Replace::Yes).unwrap();
    assert_eq!(fs::read(scratch.inner().join("file")).unwrap(), b"two");
    fs::create_dir(scratch.inner().join("folder")).unwrap();
    for replace in [Replace::No, Replace::Yes] {
        let refused = save(&folder, b"folder", b"x", replace).unwrap_err();
        let text = "expected a file or nothing at \"folder\", found a folder";
        assert_eq!(refused.to_string(), text);
    }
}

#[test]
fn a_file_is_written_by_one_at_a_time() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let first = folder.partial(b".part").unwrap();
    assert!(matches!(folder.partial(b".part"), Err(FolderError::Busy)));
    folder.publish(&first, b"file", Replace::No).unwrap();
    let next = folder.partial(b".part").unwrap();
    next.file().write_all(b"new").unwrap();
    assert_eq!(fs::read(scratch.inner().join("file")).unwrap(), b"");
    next.remove(&folder).unwrap();
    assert!(folder.existing_partial(b".part").unwrap().is_none());
}

#[test]
fn folders_are_made_found_and_removed() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    assert_eq!(folder.make_folder(b"a", 0o755).unwrap(), Made::New);
    let Made::There(found) = folder.make_folder(b"a", 0o755).unwrap() else {
        panic!("expected it to be there");
    };
    assert_eq!(found.kind, Kind::Folder);
    fs::write(scratch.inner().join("file"), b"x").unwrap();
    let refused = folder.make_folder(b"file", 0o755).unwrap_err();
    let text = "expected a folder at \"file\", found a file";
    assert_eq!(refused.to_string(), text);
    assert!(folder.deeper(parts("a")).unwrap().is_some());
    assert!(folder.deeper(parts("a/b/c")).unwrap().is_none());
    assert!(folder.deeper(parts("file/b")).is_err());
    fs::write(scratch.inner().join("a/b"), b"x").unwrap();
    assert!(folder.remove_folder(b"a").is_err());
    assert!(folder.remove_folder(b"file").is_err());
    fs::remove_file(scratch.inner().join("a/b")).unwrap();
    folder.remove_folder(b"a").unwrap();
    folder.remove_folder(b"a").unwrap();
    assert_eq!(folder.look(b"a").unwrap(), None);
}

#[test]
fn zeros_are_written_wherever_they_are() {
    let scratch = Scratch::new();
    let path = scratch.inner().join("file");
    for (from, length) in [
        (0, 3),
        (3, 4),
        (5, 20),
        (10, 1),
        (40, 5),
        (0, 70_000),
        (0, 0),
    ] {
        fs::write(&path, [1; 10]).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        zero(&file, from, length).unwrap();
        let mut expected = vec![1; 10];
        let end = (from + length) as usize;
        expected.resize(end.max(10), 0);
        expected[from as usize..end].fill(0);
        assert_eq!(fs::read(&path).unwrap(), expected, "{from} {length}");
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn names_are_bytes() {
        let scratch = Scratch::new();
        save(&scratch.folder(), b"\xff\xfe", b"x", Replace::No).unwrap();
        assert!(scratch.folder().look(b"\xff\xfe").unwrap().is_some());
    }

    #[test]
    fn links_are_not_followed() {
        let scratch = Scratch::new();
        let folder = scratch.folder();
        let path = scratch.inner();
        symlink("../out", path.join("folder")).unwrap();
        symlink("../out/file", path.join("file")).unwrap();
        symlink("../out/file", path.join(".part")).unwrap();
        for name in ["folder", "folder/deeper", "file"] {
            let refused = beneath(&folder, parts(name), None).unwrap_err().to_string();
            assert!(refused.ends_with("found a link"), "{refused}");
        }
        assert_eq!(folder.look(b"file").unwrap().unwrap().kind, Kind::Link);
        let kept = save(&folder, b"file", b"x", Replace::No);
        assert!(matches!(kept, Err(FolderError::Exists)));
        save(&folder, b"file", b"x", Replace::Yes).unwrap();
        assert_eq!(folder.look(b"file").unwrap().unwrap().kind, Kind::File);
        assert!(scratch.is_out_empty());
    }

    #[test]
    fn a_partial_file_with_another_name_or_of_another_kind_is_made_anew() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        fs::write(scratch.0.join("victim"), b"victim").unwrap();
        fs::hard_link(scratch.0.join("victim"), path.join(".part")).unwrap();
        save(&folder, b"one", b"1", Replace::No).unwrap();
        assert_eq!(fs::read(scratch.0.join("victim")).unwrap(), b"victim");
        let pipe = path.join(".part");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        save(&folder, b"two", b"2", Replace::No).unwrap();
        assert_eq!(fs::read(path.join("two")).unwrap(), b"2");
        fs::create_dir(path.join(".part")).unwrap();
        assert!(matches!(
            folder.partial(b".part"),
            Err(FolderError::NoFile { .. })
        ));
    }

    #[test]
    fn pipes_and_devices_are_no_files() {
        let scratch = Scratch::new();
        let pipe = scratch.inner().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let refused = save(&scratch.folder(), b"pipe", b"x", Replace::Yes).unwrap_err();
        let text = "expected a file or nothing at \"pipe\", found a pipe, a socket or a device";
        assert_eq!(refused.to_string(), text);
    }

    #[test]
    fn permissions_are_those_that_may_be_granted() {
        let scratch = Scratch::new();
        let partial = scratch.folder().partial(b".part").unwrap();
        let mode = |file: &fs::File| file.metadata().unwrap().mode() & 0o7777;
        assert_eq!(mode(partial.file()), 0o600);
        let mask = umask_of_a_new_file(&scratch.inner());
        for (asked, granted) in [
            (None, 0o666 & !mask),
            (Some(0o6755), 0o755 & !mask),
            (Some(0o400), 0o400),
        ] {
            Permissions::granted(asked).give(partial.file()).unwrap();
            assert_eq!(mode(partial.file()), granted, "{asked:?}");
        }
        beneath(&scratch.folder(), parts("made"), Some(0o4500)).unwrap();
        let made = fs::metadata(scratch.inner().join("made")).unwrap();
        assert_eq!(made.permissions().mode() & 0o7777, 0o700);
    }

    /// What the system takes away from what a program asks for.
    fn umask_of_a_new_file(folder: &Path) -> u32 {
        let file = fs::File::create(folder.join("new")).unwrap();
        0o666 & !(file.metadata().unwrap().mode() & 0o777)
    }

    #[test]
    fn links_are_made_and_replaced() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        let make = |name: &[u8], target: &[u8], replace| {
            folder.make_link(name, target, replace, b".temporary")
        };
        make(b"link", b"/no/such\xff", Replace::No).unwrap();
        assert_eq!(folder.read_link(b"link").unwrap(), b"/no/such\xff");
        fs::write(path.join("file"), b"x").unwrap();
        for name in [&b"link"[..], b"file"] {
            let kept = make(name, b"other", Replace::No);
            assert!(matches!(kept, Err(FolderError::Exists)));
            make(name, b"other", Replace::Yes).unwrap();
            assert_eq!(folder.read_link(name).unwrap(), b"other");
        }
        fs::create_dir(path.join("folder")).unwrap();
        let refused = make(b"folder", b"other", Replace::Yes);
        assert!(matches!(refused, Err(FolderError::NoFile { .. })));
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::new(7, 123_456_789);
        folder.set_link(b"link", None, Some(time)).unwrap();
        let found = folder.look(b"link").unwrap().unwrap();
        assert_eq!((found.kind, found.modified), (Kind::Link, Some(time)));
        assert!(!path.join(".temporary").exists());
        assert!(folder.read_link(b"folder").is_err());
    }

    #[test]
    fn a_file_gets_more_names_and_a_link_gets_them_itself() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        let deeper = beneath(&folder, parts("d"), None).unwrap();
        save(&folder, b"file", b"x", Replace::No).unwrap();
        let add = |name: &[u8], from: &[u8], replace| {
            deeper.add_name(name, &folder, from, replace, b".temporary")
        };
        add(b"a", b"file", Replace::No).unwrap();
        assert!(matches!(
            add(b"a", b"file", Replace::No),
            Err(FolderError::Exists)
        ));
        // Of one file to the same file: nothing is left behind.
        add(b"a", b"file", Replace::Yes).unwrap();
        fs::write(path.join("d/b"), b"other").unwrap();
        add(b"b", b"file", Replace::Yes).unwrap();
        assert_eq!(folder.look(b"file").unwrap().unwrap().names, 3);
        symlink("../out/file", path.join("link")).unwrap();
        add(b"c", b"link", Replace::No).unwrap();
        assert_eq!(deeper.look(b"c").unwrap().unwrap().kind, Kind::Link);
        let left: Vec<_> = fs::read_dir(path.join("d")).unwrap().collect();
        assert_eq!(left.len(), 3);
        assert!(add(b"../e", b"file", Replace::No).is_err());
        assert!(add(b"e", b"d/../file", Replace::No).is_err());
    }

    #[test]
    fn attributes_are_given_by_the_handle() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        let deeper = beneath(&folder, parts("d"), None).unwrap();
        let time = SystemTime::UNIX_EPOCH - std::time::Duration::new(7, 1);
        let attributes = Attributes {
            owner: deeper.facts().unwrap().owner,
            permissions: Some(Permissions::of(0o2550)),
            modified: Some(time),
        };
        deeper.set(&attributes).unwrap();
        let found = folder.look(b"d").unwrap().unwrap();
        assert_eq!((found.mode, found.modified), (0o2550, Some(time)));
        assert!(!Folder::is_writable(found.mode));
        folder.permit(b"d").unwrap();
        assert_eq!(folder.look(b"d").unwrap().unwrap().mode, 0o2750);
        fs::set_permissions(path.join("d"), fs::Permissions::from_mode(0o000)).unwrap();
        folder.permit(b"d").unwrap();
        assert_eq!(folder.look(b"d").unwrap().unwrap().mode, 0o700);
        // A link is not what it leads to.
        fs::create_dir(scratch.0.join("out/secret")).unwrap();
        fs::set_permissions(
            scratch.0.join("out/secret"),
            fs::Permissions::from_mode(0o000),
        )
        .unwrap();
        symlink("../out/secret", path.join("link")).unwrap();
        assert!(folder.permit(b"link").is_err());
        let secret = fs::metadata(scratch.0.join("out/secret")).unwrap();
        assert_eq!(secret.permissions().mode() & 0o7777, 0);
        fs::remove_dir(scratch.0.join("out/secret")).unwrap();
    }

    #[test]
    fn a_file_gets_attributes_only_if_it_is_the_one_that_was_found() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        save(&folder, b"file", b"x", Replace::No).unwrap();
        save(&folder, b"other", b"x", Replace::No).unwrap();
        let found = folder.look(b"file").unwrap().unwrap();
        let attributes = Attributes {
            permissions: Some(Permissions::of(0o750)),
            ..Attributes::default()
        };
        folder.set_file(b"file", &found, &attributes).unwrap();
        assert_eq!(folder.look(b"file").unwrap().unwrap().mode, 0o750);
        assert!(folder.set_file(b"other", &found, &attributes).is_err());
        fs::remove_file(path.join("file")).unwrap();
        symlink("other", path.join("file")).unwrap();
        assert!(folder.set_file(b"file", &found, &attributes).is_err());
        assert_ne!(folder.look(b"other").unwrap().unwrap().mode, 0o750);
    }

    /// Somebody swaps a folder for a link that leads out, again and again, while files are saved beneath it.
    #[test]
    fn links_that_come_meanwhile_lead_nowhere() {
        let scratch = Scratch::new();
        let (folder, path) = (scratch.folder(), scratch.inner());
        let stop = AtomicBool::new(false);
        let save_one = |name: String| {
            let deeper = beneath(&folder, parts("swapped/deeper"), None)?;
            save(&deeper, name.as_bytes(), b"x", Replace::Yes)
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let _ = fs::create_dir(path.join("swapped"));
                    let _ = fs::rename(path.join("swapped"), path.join("aside"));
                    let _ = symlink("../out", path.join("swapped"));
                    let _ = fs::remove_file(path.join("swapped"));
                    let _ = fs::rename(path.join("aside"), path.join("swapped"));
                }
            });
            for number in 0..2000 {
                // Whether a link is there in that moment is chance.
                let _ = save_one(number.to_string());
            }
            stop.store(true, Ordering::Relaxed);
        });
        assert!(scratch.is_out_empty());
        save_one("last".to_owned()).unwrap();
    }
}

/// A file without a name; `None` where the file system here has none.
fn unnamed(folder: &Folder, content: &[u8]) -> Option<Unnamed> {
    let Some(unnamed) = folder.unnamed(Permissions::granted(Some(0o640))) else {
        let text = b"SKIPPED: this file system has no files without names\n";
        std::io::stderr().write_all(text).unwrap();
        return None;
    };
    unnamed.file().write_all(content).unwrap();
    Some(unnamed)
}

/// What goes with a file that had the name `.part` for a moment.
fn aside() -> Vec<u8> {
    b".part".to_vec()
}

#[test]
fn a_file_that_gets_its_name_at_its_end() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let Some(file) = unnamed(&folder, b"new") else {
        return;
    };
    let names = || fs::read_dir(scratch.inner()).unwrap().count();
    assert_eq!(names(), 0);
    folder.name(&file, b"a", Replace::No, &aside).unwrap();
    assert_eq!(fs::read(scratch.inner().join("a")).unwrap(), b"new");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        let mode = fs::metadata(scratch.inner().join("a")).unwrap().mode();
        assert_eq!(mode & 0o777, Permissions::granted(Some(0o640)).bits());
    }
    drop(unnamed(&folder, b"never named"));
    assert_eq!(names(), 1);
}

#[test]
fn what_has_the_name_of_a_file_already() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let Some(file) = unnamed(&folder, b"new") else {
        return;
    };
    let path = scratch.inner().join("a");
    fs::write(&path, b"old").unwrap();
    let kept = folder.name(&file, b"a", Replace::No, &aside);
    assert!(matches!(kept, Err(FolderError::Exists)));
    // What another transfer is writing is not touched, what nobody is goes.
    let partial = folder.partial(b".part").unwrap();
    let busy = folder.name(&file, b"a", Replace::Yes, &aside);
    assert!(matches!(busy, Err(FolderError::Busy)));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    drop(partial);
    folder.name(&file, b"a", Replace::Yes, &aside).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(scratch.inner()).unwrap().count(), 1);
    fs::create_dir(scratch.inner().join("d")).unwrap();
    let refused = folder.name(&file, b"d", Replace::Yes, &aside);
    assert!(matches!(refused, Err(FolderError::NoFile { .. })));
}

#[cfg(unix)]
#[test]
fn a_link_is_replaced_and_not_followed() {
    let scratch = Scratch::new();
    let folder = scratch.folder();
    let Some(file) = unnamed(&folder, b"new") else {
        return;
    };
    let link = scratch.inner().join("a");
    std::os::unix::fs::symlink(scratch.0.join("out/b"), &link).unwrap();
    folder.name(&file, b"a", Replace::Yes, &aside).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
    assert!(scratch.is_out_empty());
}

#[test]
fn what_was_in_a_folder() {
    let scratch = Scratch::new();
    assert!(!scratch.folder().had(b".ours-"));
    fs::write(scratch.inner().join(".ours-1"), b"").unwrap();
    let folder = scratch.folder();
    assert!(folder.had(b".ours-") && folder.origin() == Origin::Found);
    let made = folder.child(b"made", 0o777).unwrap();
    assert!(!made.had(b".ours-") && made.origin() == Origin::Made);
    assert_eq!(
        folder.child(b"made", 0o777).unwrap().origin(),
        Origin::Found
    );
}

/// The folder under these names, one within the other. Those that are not there are made, the last with this mode.
fn beneath<'a>(
    folder: &Folder,
    parts: impl IntoIterator<Item = &'a [u8]>,
    mode: Option<u32>,
) -> Result<Folder, FolderError> {
    let mut parts = parts.into_iter().peekable();
    let mut folder = folder.try_clone()?;
    while let Some(part) = parts.next() {
        let mode = mode.filter(|_| parts.peek().is_none());
        folder = folder.child(part, mode.unwrap_or(0o777))?;
    }
    Ok(folder)
}
