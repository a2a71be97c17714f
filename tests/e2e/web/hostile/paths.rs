//! Ways out of the root, in every disguise.

use super::{Target, request};

/// What leads out, if it leads anywhere: never there, and nothing is told of what is.
const OUT: &[&str] = &[
    "/../secret.txt",
    "/../../../../../../etc/passwd",
    "/sub/../../secret.txt",
    "/./../secret.txt",
    "/..",
    "/../",
    "/sub/..",
    "/sub/../..",
    "/...//../secret.txt",
    "//../secret.txt",
    "///etc/passwd",
    "//etc/passwd",
    "//localhost/etc/passwd",
    "/../www2/c.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E/secret.txt",
    "/.%2e/secret.txt",
    "/%2e./secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%2fsecret.txt",
    "/..%2Fsecret.txt",
    "/sub%2f..%2f..%2fsecret.txt",
    "/%2fetc%2fpasswd",
    "/%2Fetc/passwd",
    "/sub%2fb.txt",
    "/%2e%2e%5csecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/\\..\\secret.txt",
    "/sub\\..\\..\\secret.txt",
    "/..%255csecret.txt",
    "/%252e%252e/secret.txt",
    "/%252e%252e%252fsecret.txt",
    "/%25%32%65%25%32%65/secret.txt",
    "/%%32%65%%32%65/secret.txt",
    "/%25252e%25252e/secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/%c0%2e%c0%2e/secret.txt",
    "/%e0%80%ae%e0%80%ae/secret.txt",
    "/%f0%80%80%ae%f0%80%80%ae/secret.txt",
    "/..%c0%afsecret.txt",
    "/..%c1%9csecret.txt",
    "/..%e0%80%afsecret.txt",
    "/%fe%fe/secret.txt",
    "/%uff0e%uff0e/secret.txt",
    "/%u002e%u002e/secret.txt",
    "/%ef%bc%8e%ef%bc%8e/secret.txt",
    "/..%ef%bc%8fsecret.txt",
    "/..;/secret.txt",
    "/..;a=b/secret.txt",
    "/.../secret.txt",
    "/..../secret.txt",
    "/.. /secret.txt",
    "/..%20/secret.txt",
    "/..%09/secret.txt",
    "/..%00/secret.txt",
    "/a.txt%00.html",
    "/%00",
    "/a.txt%00",
    "/../secret.txt%00.txt",
    "/a.txt%0a",
    "/a.txt%0d%0aX-Injected:%20yes",
    "/sub%0d%0aX-Injected:%20yes",
    "/C:/Windows/win.ini",
    "/C:%5cWindows%5cwin.ini",
    "/c|/windows/win.ini",
    "/%5c%5cserver%5cshare",
    "/\\\\server\\share",
    "/%5c%5c.%5cPhysicalDrive0",
    "/file:///etc/passwd",
    "/%",
    "/%2",
    "/%zz",
    "/%-1",
    "/a.txt%",
    "/%2e",
    "/%2e%2e",
    "/a.txt/",
    "/a.txt/.",
    "/a.txt/..",
    "/a.txt/b",
    "/a.txt/../../secret.txt",
    "/nothing/../a.txt",
    "/proc/self/environ",
    "/dev/null",
    "/up",
    "/up/",
    "/up/secret.txt",
    "/up/www2/c.txt",
    "/up/www/a.txt",
    "/linked.txt",
    "/system",
    "/system/etc/passwd",
    "/system/proc/self/environ",
    "/sub/../up/secret.txt",
    "/.env",
    "/%2eenv",
    "/.%65nv",
    "/.git/config",
    "/.git/",
    "/%2egit/config",
    "/sub/../.env",
    "/sub/%2e%2e/.env",
    "/.ENV",
    "/~root/",
    "/cgi-bin/../../secret.txt",
];

/// A redirect that goes elsewhere, or says more than it should.
const REDIRECTED: &[(&str, &str)] = &[
    ("//sub", "400|404|308"),
    ("///sub", "400|404|308"),
    ("/sub//", "200|400|404|308"),
    ("//example.com/%2f..", "400|404"),
    ("//example.com/..%2f..", "400|404"),
    ("/\\example.com/", "400|404"),
    ("/%5cexample.com/", "400|404"),
    ("/sub?//example.com", "308"),
    ("/sub?%0d%0aX-Injected:%20yes", "308"),
    ("/%2f%2fexample.com", "400|404"),
    ("/%09/example.com", "400|404"),
    ("//sub/..", "400|404"),
    ("http://example.com//sub", "400|404|308"),
];

pub(super) const COUNT: usize = OUT.len() + REDIRECTED.len();

#[test]
fn nothing_leads_out() {
    let mut target = Target::new(&[]);
    let out = OUT.iter().map(|one| (*one, "400|404"));
    let said: Vec<_> = out
        .chain(REDIRECTED.iter().copied())
        .map(|(target, expected)| (request("GET", target, ""), expected))
        .collect();
    let count = target.check_all(
        said.iter()
            .map(|(says, expected)| (says.as_bytes(), *expected)),
    );
    assert_eq!(count, COUNT);
}

#[test]
fn nor_does_it_by_head_or_options() {
    let mut target = Target::new(&[]);
    for out in OUT {
        let all = target.answers(request("HEAD", out, "").as_bytes());
        let text = String::from_utf8_lossy(&all);
        assert!(text.starts_with("HTTP/1.1 40"), "{out}: {text}");
    }
    target.check_good();
}
