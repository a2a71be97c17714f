//! Who may ask, and what nobody between may hear: passwords and TLS.

use std::process::Command;

use harness::{Folder, finish, skip};

use super::curl::curl;
use super::{Site, folder_of, serve};

/// `secret` as the password of `ann` (sha512-crypt) and `ben` (bcrypt).
const USERS: &str = "\
ann:$6$plumline$N0UEMmXPnUONLg0TXC8awMZfgDVgRpDJpRLv1clj5NBV1LMgNIdNQihTOKPrA.X339EHUi/GIoHiViytFzAls/
ben:$2y$05$3QQoAJAUsiMRAv4SdnqWve8nH74vNhjv3f5YQsD.6aNn.R0e9k3h.
";

fn site() -> Site {
    let users = folder_of(&[("users", USERS)]);
    Site::of(
        &[("a", "for friends"), ("sub/b", "x")],
        &["--auth", &users.file("users")],
    )
}

/// The header line with this name and password.
fn basic(user_and_password: &str) -> String {
    format!(
        "Authorization: Basic {}\r\n",
        base64(user_and_password.as_bytes())
    )
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let mut whole = [0; 4];
        whole[1..=three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes(whole);
        for digit in 0..4 {
            text.push(match digit <= three.len() {
                true => char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]),
                false => '=',
            });
        }
    }
    text
}

#[test]
fn only_who_has_a_password_is_served() {
    let site = site();
    for target in ["/a", "/", "/nothing", "/sub"] {
        let answer = site.get(target);
        assert_eq!(answer.status, 401, "{target}");
        let asked = answer.field("www-authenticate");
        assert!(
            asked.starts_with("Basic realm=\"") && asked.contains("charset=\"UTF-8\""),
            "{asked}"
        );
        assert!(!answer.text().contains("friends"));
    }
    let mut line = site.line();
    for user in ["ann:secret", "ben:secret"] {
        // The first is looked at closely, later ones are remembered.
        for _ in 0..5 {
            let answer = line.get_with("/a", &basic(user));
            assert_eq!(
                (answer.status, answer.text().as_str()),
                (200, "for friends"),
                "{user}"
            );
        }
    }
    assert_eq!(line.get("/a").status, 401);
    assert_eq!(line.get_with("/nothing", &basic("ann:secret")).status, 404);
}

#[test]
fn a_wrong_password_opens_nothing() {
    let site = site();
    let wrong = [
        "ann:Secret",
        "ann:",
        ":",
        "ann",
        "cat:secret",
        "ann:secret ",
        "ann:secret\0",
    ];
    for user in wrong {
        let status = site.get_with("/a", &basic(user)).status;
        assert!([400, 401, 429].contains(&status), "{user}: {status}");
    }
    for value in [
        "Basic",
        "Basic !!!",
        "Bearer YW5uOnNlY3JldA==",
        "Digest x",
        "basic",
    ] {
        let status = site
            .get_with("/a", &format!("Authorization: {value}\r\n"))
            .status;
        assert!([400, 401, 429].contains(&status), "{value}: {status}");
    }
}

#[test]
fn requests_wait_their_turn_while_a_password_is_looked_at() {
    let site = site();
    let mut line = site.line();
    let asked = super::talk::request("GET", "/a", &basic("ann:secret"));
    line.say(asked.repeat(10));
    for _ in 0..10 {
        assert_eq!(line.hear().text(), "for friends");
    }
}

#[test]
fn passwords_that_are_not_kept_well_are_refused() {
    let folder = folder_of(&[("a", "x")]);
    let root = folder.file("");
    for (number, line) in ["ann:secret", "ann:$apr1$x$y", "ann:{SHA}x", "nonsense", ""]
        .iter()
        .enumerate()
    {
        let file = folder.write(&format!("users-{number}"), line);
        let refused = harness::run(
            "webserver",
            &[&root, "--bind", "127.0.0.1:0", "--auth", &file],
            "",
        );
        assert_eq!(refused.code(), Some(1), "{line}: {refused:?}");
        assert!(!refused.stderr.contains("secret"), "{}", refused.stderr);
    }
    let missing = folder.file("missing");
    harness::check_refusals(
        "webserver",
        &[(
            &[&root, "--bind", "127.0.0.1:0", "--auth", &missing],
            "missing",
        )],
    );
}

#[test]
fn a_password_is_made_into_a_line_that_opens() {
    let made = harness::run(
        "webserver",
        &["--hash-password", "ann"],
        "a word, ünd more\n",
    );
    assert_eq!(made.code(), Some(0), "{}", made.stderr);
    assert!(made.stdout.starts_with("ann:$argon2id$"), "{}", made.stdout);
    let users = folder_of(&[("users", &made.stdout)]);
    let site = Site::of(&[("a", "x")], &["--auth", &users.file("users")]);
    assert_eq!(
        site.get_with("/a", &basic("ann:a word, ünd more")).status,
        200
    );
    assert_eq!(site.get_with("/a", &basic("ann:a word")).status, 401);
    let nothing = harness::run("webserver", &["--hash-password", "ann"], "\n");
    assert_eq!(nothing.code(), Some(1), "{nothing:?}");
}

#[cfg(unix)]
#[test]
fn who_may_ask_is_read_anew_on_request() {
    let users = folder_of(&[("users", USERS)]);
    let file = users.file("users");
    let mut site = Site::of(&[("a", "x")], &["-v", "--auth", &file]);
    assert_eq!(site.get_with("/a", &basic("ann:secret")).status, 200);
    let reread = |site: &mut Site, users: &str, words: &str| {
        std::fs::write(&file, users).unwrap();
        site.server.signal(harness::Signal::SIGHUP);
        while !site.server.next_message().contains(words) {}
    };
    let ben = USERS.lines().nth(1).unwrap();
    reread(&mut site, &format!("{ben}\n"), "anew");
    assert_eq!(site.get_with("/a", &basic("ann:secret")).status, 401);
    assert_eq!(site.get_with("/a", &basic("ben:secret")).status, 200);
    // What is of no use changes nothing.
    reread(&mut site, "ben:secret\n", "stays as it was");
    assert_eq!(site.get_with("/a", &basic("ben:secret")).status, 200);
}

/// A server whose certificate it made itself, and the certificate's fingerprint as it printed it.
fn self_signed(folder: &Folder) -> (harness::Server, String) {
    let mut server = serve(&folder.file(""), &["--tls-self-signed"]);
    let line = server.next_line();
    let fingerprint = line
        .rsplit(' ')
        .next()
        .unwrap()
        .to_ascii_lowercase()
        .replace(':', "");
    assert_eq!(fingerprint.len(), 64, "{line}");
    (server, fingerprint)
}

#[test]
fn a_certificate_of_its_own_has_the_fingerprint_that_it_says() {
    let folder = folder_of(&[("a", "over TLS")]);
    let length = super::long_file(&folder, "long");
    let (server, fingerprint) = self_signed(&folder);
    let url = format!("https://{}", server.target());
    let Some(got) = curl(&["--insecure", &format!("{url}/a"), &format!("{url}/a")]) else {
        return;
    };
    assert_eq!(got.stdout, "over TLSover TLS", "{}", got.stderr);
    let count = [
        "--insecure",
        "--output",
        "/dev/null",
        "--write-out",
        "%{size_download}",
    ];
    let got = curl(&[&count[..], &[&format!("{url}/long")]].concat()).unwrap();
    assert_eq!(got.stdout, length.to_string(), "{}", got.stderr);
    assert_ne!(curl(&[&format!("{url}/a")]).unwrap().code(), Some(0));
    let look = "import hashlib, socket, ssl, sys
there = (sys.argv[1], int(sys.argv[2]))
certificate = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(there))
print(hashlib.sha256(certificate).hexdigest())";
    let mut python = Command::new("python3");
    let addr = server.addr();
    python.args(["-c", look, &addr.ip().to_string(), &addr.port().to_string()]);
    let seen = finish(python, "");
    assert_eq!(seen.stdout.trim(), fingerprint, "{}", seen.stderr);
}

#[test]
fn a_certificate_is_served_that_others_can_check() {
    let folder = folder_of(&[("a", "checked")]);
    let keys = Folder::new();
    let (cert, key) = (keys.file("cert.pem"), keys.file("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]);
    openssl.args([
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-keyout",
        &key,
        "-out",
        &cert,
    ]);
    if !openssl.output().is_ok_and(|made| made.status.success()) {
        return skip("no openssl to make a certificate");
    }
    let server = serve(&folder.file(""), &["--tls", &cert, &key]);
    let url = format!("https://{}/a", server.target());
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let Some(got) = curl(&[&["--cacert", &cert], version, &[&url]].concat()) else {
            return;
        };
        assert_eq!(got.stdout, "checked", "{version:?}: {}", got.stderr);
    }
    // Who speaks no TLS is not answered with a file.
    let plain = curl(&[&url.replace("https", "http")]).unwrap();
    assert!(!plain.stdout.contains("checked"));
    let root = folder.file("");
    let missing = keys.file("missing");
    harness::check_refusals(
        "webserver",
        &[
            (&[&root, "--tls", &missing, &key], "missing"),
            (&[&root, "--tls", &key, &cert], "certificate"),
        ],
    );
}
