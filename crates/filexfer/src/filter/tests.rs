//! What is let through.

use proptest::prelude::*;
use proto::filexfer::native::message::{MAX_PATTERN, Pattern};

use super::*;

fn pattern(text: &str) -> Pattern {
    text.to_owned().try_into().unwrap()
}

/// `+` includes, `-` excludes, `.` names an ignore file.
fn filters(texts: &[&str]) -> Result<Filters, FilterError> {
    let filter = |text: &&str| {
        let rest = pattern(&text[1..]);
        match text.as_bytes()[0] {
            b'+' => Filter::Include(rest),
            b'-' => Filter::Exclude(rest),
            _ => Filter::IgnoreFile(rest),
        }
    };
    Filters::new(&texts.iter().map(filter).collect::<Vec<_>>())
}

/// A path that ends in `/` is a folder.
fn judged(filters: &Filters, path: &str) -> Verdict {
    let inner = path.strip_suffix('/').unwrap_or(path);
    filters.judge(inner.as_bytes(), path.ends_with('/'))
}

/// Paths, and what becomes of them.
type Judged = &'static [(&'static str, Verdict)];

#[test]
fn patterns_as_gitignore_has_them() {
    use Verdict::{In, Out, Through};
    let table: &[(&[&str], Judged)] = &[
        (&[], &[("", In), ("a", In), ("a/b/", In)]),
        (
            &["-*.jpg"],
            &[
                ("a.jpg", Out),
                ("d/e/a.jpg", Out),
                ("a.jpeg", In),
                ("a.jpg/b", Out),
            ],
        ),
        (
            &["-/raw"],
            &[("raw", Out), ("raw/a/b", Out), ("d/raw", In), ("raws", In)],
        ),
        (
            &["-target/"],
            &[
                ("target", In),
                ("target/", Out),
                ("d/target/a", Out),
                ("d/target", In),
            ],
        ),
        (
            &["-a/b"],
            &[("a/b", Out), ("d/a/b", In), ("a", In), ("b", In)],
        ),
        (&["-a/**/b"], &[("a/b", Out), ("a/c/d/b", Out), ("c/b", In)]),
        (
            &["-*", "-!keep"],
            &[("a", Out), ("keep", In), ("a/keep", Out)],
        ),
        (&["-#*#"], &[("#a#", Out), ("a", In)]),
        (&["-a b"], &[("a b", Out), ("a", In)]),
        (&["-\\!a"], &[("!a", Out), ("a", In)]),
        (&["-?"], &[("ab", In), ("a", Out)]),
        (
            &["+*.rs"],
            &[
                ("", Through),
                ("a.rs", In),
                ("d/", Through),
                ("d/a.rs", In),
                ("d/a.c", Out),
                ("a.rs/", In),
                ("a.rs/x", In),
            ],
        ),
        (
            &["+/src/", "-*.o"],
            &[
                ("src/", In),
                ("src/a/b.c", In),
                ("src/a.o", Out),
                ("doc/", Through),
                ("doc/a", Out),
                ("src", Out),
            ],
        ),
        (
            &["+src", "+!src/gen"],
            &[("src/a", In), ("src/gen/", Through), ("src/gen/a", Out)],
        ),
        (&["..gitignore"], &[("a", In), (".gitignore", In)]),
    ];
    for (texts, paths) in table {
        let filters = filters(texts).unwrap();
        for (path, expected) in *paths {
            assert_eq!(judged(&filters, path), *expected, "{texts:?} {path:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn paths_that_are_no_text() {
    let filters = filters(&["-*.bak"]).unwrap();
    assert_eq!(filters.judge(b"d\xff/\xfe.bak", false), Verdict::Out);
    assert_eq!(filters.judge(b"d\xff/\xfe.bac", false), Verdict::In);
}

#[test]
fn filters_that_make_no_sense() {
    let long = format!("-{}", "x".repeat(MAX_PATTERN));
    let (many, together) = (vec!["-x"; MAX_FILTERS + 1], vec![long.as_str(); 33]);
    let table = [
        (&many[..], "at most 256 filters"),
        (&together, "at most 32768 bytes"),
        (
            &["-a[z-a]"],
            "cannot understand the pattern 'a[z-a]': invalid range",
        ),
        (&["+a{b"], "cannot understand the pattern 'a{b'"),
        (&["- "], "more than blanks"),
        (&["-[z-a]\u{1b}"], "'[z-a]\\u{1b}'"),
        (&["../x"], "without '/', not './x'"),
        (&[".a/b"], "without '/', not 'a/b'"),
        (&["..."], "without '/'"),
    ];
    for (texts, expected) in table {
        let text = filters(texts).unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
    let deep = format!("-{}", "{a,".repeat(MAX_PATTERN / 3));
    assert!(filters(&[&deep]).is_err());
    let nested = format!("-{}a{}", "{".repeat(500), "}".repeat(500));
    let _ = filters(&[&nested]);
}

#[test]
fn the_worst_that_a_peer_can_say_is_bounded() {
    let worst = format!("-{}", "*a".repeat(MAX_PATTERN / 2));
    let filters = filters(&vec![worst.as_str(); 32]).unwrap();
    assert_eq!(filters.judge(&b"a".repeat(255), false), Verdict::In);
}

proptest! {
    #[test]
    fn any_pattern_is_judged(texts: Vec<String>, path: Vec<u8>, is_folder: bool) {
        let pattern = |text: String| Pattern::try_from(text).ok().map(Filter::Exclude);
        let filters: Vec<_> = texts.into_iter().filter_map(pattern).collect();
        if let Ok(filters) = Filters::new(&filters) {
            filters.judge(&path, is_folder);
        }
    }

    #[test]
    fn what_is_in_a_folder_that_is_left_out_is_left_out(
        texts in prop::collection::vec("[-+]!?/?[ab*?]{1,3}(/[ab*]{1,2})?/?", 0..4),
        path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
        inner in "[ab]{1,2}",
    ) {
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        if let Ok(filters) = filters(&texts)
            && filters.judge(path.as_bytes(), true) == Verdict::Out
        {
            let path = format!("{path}/{inner}");
            prop_assert_eq!(filters.judge(path.as_bytes(), false), Verdict::Out);
        }
    }
}
