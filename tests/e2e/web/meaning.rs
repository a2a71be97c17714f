//! What requests mean: methods, ranges, conditions, what is said of a file.

use super::Site;
use super::talk::{Line, request};

const TEXT: &str = "0123456789abcdefghij";

fn site() -> Site {
    Site::of(&[("a.txt", TEXT), ("index.html", "<p>home</p>")], &[])
}

#[test]
fn a_file_comes_whole_and_well_described() {
    let site = site();
    let answer = site.get("/a.txt");
    assert_eq!((answer.status, answer.text().as_str()), (200, TEXT));
    assert_eq!(answer.field("content-length"), "20");
    assert_eq!(answer.field("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.field("accept-ranges"), "bytes");
    let etag = answer.field("etag");
    assert!(
        etag.starts_with('"') && etag.ends_with('"') && etag.len() > 2,
        "{etag}"
    );
    for time in ["last-modified", "date"] {
        let time = answer.field(time);
        assert!(time.len() == 29 && time.ends_with(" GMT"), "{time}");
    }
    assert!(answer.get("connection").is_none());
}

#[test]
fn head_says_what_get_says_without_the_body() {
    let site = site();
    let mut line = site.line();
    for target in ["/a.txt", "/", "/nothing"] {
        let get = line.get(target);
        let head = line.ask("HEAD", target, "");
        assert_eq!(get.status, head.status, "{target}");
        assert_eq!(
            get.fields_but(&["date"]),
            head.fields_but(&["date"]),
            "{target}"
        );
    }
}

#[test]
fn what_is_not_done_is_said_with_what_is() {
    let site = site();
    for (method, target, status) in [
        ("OPTIONS", "/a.txt", 204),
        ("OPTIONS", "*", 204),
        ("POST", "/a.txt", 405),
        ("PUT", "/new", 405),
        ("DELETE", "/a.txt", 405),
        ("PATCH", "/a.txt", 405),
        ("BREW", "/a.txt", 501),
    ] {
        let answer = site.line().ask(method, target, "Content-Length: 0\r\n");
        assert_eq!(answer.status, status, "{method} {target}");
        if status != 501 {
            assert_eq!(
                answer.field("allow"),
                "GET, HEAD, OPTIONS",
                "{method} {target}"
            );
        }
    }
    assert_eq!(site.get("/a.txt").text(), TEXT);
}

#[test]
fn a_body_that_nobody_reads_is_no_request() {
    let site = site();
    let mut line = site.line();
    let smuggled = request("GET", "/nothing", "");
    let lines = format!("Content-Length: {}\r\n", smuggled.len());
    line.say(request("GET", "/a.txt", &lines) + &smuggled + &request("GET", "/", ""));
    assert_eq!(line.hear().text(), TEXT);
    assert_eq!(line.hear().text(), "<p>home</p>");
    let chunks = "Transfer-Encoding: chunked\r\n";
    line.say(request("GET", "/a.txt", chunks) + "3\r\nabc\r\n0\r\n\r\n" + &request("GET", "/", ""));
    assert_eq!(line.hear().text(), TEXT);
    assert_eq!(line.hear().text(), "<p>home</p>");
}

#[test]
fn who_expects_to_be_told_to_continue_is_told() {
    let site = site();
    let mut line = site.line();
    line.say(request(
        "GET",
        "/a.txt",
        "Content-Length: 3\r\nExpect: 100-continue\r\n",
    ));
    let told = line.hear();
    // An answer at once is as good.
    if told.status == 100 {
        line.say("abc");
        assert_eq!(line.hear().text(), TEXT);
    } else {
        assert_eq!(told.text(), TEXT);
    }
}

#[test]
fn one_range() {
    let site = site();
    let mut line = site.line();
    for (range, content_range, body) in [
        ("bytes=0-0", "bytes 0-0/20", "0"),
        ("bytes=5-9", "bytes 5-9/20", "56789"),
        ("bytes=5-", "bytes 5-19/20", "56789abcdefghij"),
        ("bytes=-3", "bytes 17-19/20", "hij"),
        ("bytes=-99", "bytes 0-19/20", TEXT),
        ("bytes=18-99", "bytes 18-19/20", "ij"),
        ("Bytes=0-1", "bytes 0-1/20", "01"),
        ("bytes=99-,2-3", "bytes 2-3/20", "23"),
    ] {
        let answer = line.get_with("/a.txt", &format!("Range: {range}\r\n"));
        assert_eq!(answer.status, 206, "{range}");
        assert_eq!(answer.field("content-range"), content_range, "{range}");
        assert_eq!(answer.text(), body, "{range}");
        assert_eq!(answer.field("content-type"), "text/plain; charset=utf-8");
    }
    for nonsense in [
        "bytes=5-2",
        "bytes=",
        "bytes=a-b",
        "lines=1-2",
        "bytes 0-1",
        "bytes=-",
    ] {
        let answer = line.get_with("/a.txt", &format!("Range: {nonsense}\r\n"));
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, TEXT),
            "{nonsense}"
        );
    }
    for beyond in ["bytes=20-", "bytes=99-100", "bytes=-0"] {
        let answer = line.get_with("/a.txt", &format!("Range: {beyond}\r\n"));
        assert_eq!(answer.status, 416, "{beyond}");
        assert_eq!(answer.field("content-range"), "bytes */20", "{beyond}");
    }
}

#[test]
fn several_ranges_come_in_one_answer() {
    let site = site();
    let mut line = site.line();
    let answer = line.get_with("/a.txt", "Range: bytes=0-1, 5-6,-2\r\n");
    assert_eq!(answer.status, 206);
    assert!(answer.get("content-range").is_none());
    let boundary = answer
        .field("content-type")
        .strip_prefix("multipart/byteranges; boundary=");
    let boundary = boundary
        .expect("a multipart answer")
        .trim_matches('"')
        .to_owned();
    let text = answer.text();
    let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 5, "{text}");
    assert_eq!(parts[4].trim_end(), "--");
    for (part, (range, body)) in
        parts[1..4]
            .iter()
            .zip([("0-1", "01"), ("5-6", "56"), ("18-19", "ij")])
    {
        let (head, content) = part.split_once("\r\n\r\n").expect("a part with a head");
        assert!(
            head.to_ascii_lowercase()
                .contains(&format!("content-range: bytes {range}/20")),
            "{head}"
        );
        assert_eq!(content.strip_suffix("\r\n"), Some(body));
    }
    // The length was true: the connection goes on.
    assert_eq!(line.get("/a.txt").text(), TEXT);
}

#[test]
fn parts_of_a_long_file_come_in_one_answer() {
    let site = site();
    let length = super::long_file(&site.folder, "long");
    let mut line = site.line();
    let answer = line.get_with(
        "/long",
        "Range: bytes=0-999999,2000000-2999999,-1000000\r\n",
    );
    assert_eq!(answer.status, 206);
    assert!(
        (3_000_000..3_001_000).contains(&answer.body.len()),
        "{}",
        answer.body.len()
    );
    let one = line.get_with("/long", &format!("Range: bytes={}-\r\n", length - 10));
    assert_eq!(one.body, [0; 10]);
}

#[test]
fn many_small_or_overlapping_ranges_cost_no_more_than_the_file() {
    let site = site();
    super::long_file(&site.folder, "long");
    let all = vec!["0-"; 1_000].join(",");
    let small: Vec<_> = (0..1_000).map(|at| format!("{at}-{at}")).collect();
    let mut line = site.line();
    for ranges in [all, small.join(",")] {
        let answer = line.get_with("/a.txt", &format!("Range: bytes={ranges}\r\n"));
        assert!([200, 206].contains(&answer.status), "{}", answer.status);
        assert!(answer.body.len() < 4_000, "{}", answer.body.len());
    }
}

#[test]
fn conditions() {
    let site = site();
    let mut line = site.line();
    let first = line.get("/a.txt");
    let (etag, modified) = (
        first.field("etag").to_owned(),
        first.field("last-modified").to_owned(),
    );
    let earlier = "Sat, 01 Jan 2000 00:00:00 GMT";
    for (lines, status) in [
        (format!("If-None-Match: {etag}"), 304),
        (format!("If-None-Match: \"other\", W/{etag}"), 304),
        ("If-None-Match: *".into(), 304),
        ("If-None-Match: \"other\"".into(), 200),
        (format!("If-Modified-Since: {modified}"), 304),
        (format!("If-Modified-Since: {earlier}"), 200),
        ("If-Modified-Since: yesterday".into(), 200),
        // The entity tag says more than the time.
        (
            format!("If-None-Match: \"other\"\r\nIf-Modified-Since: {modified}"),
            200,
        ),
        (format!("If-Match: {etag}"), 200),
        ("If-Match: *".into(), 200),
        ("If-Match: \"other\"".into(), 412),
        (format!("If-Match: W/{etag}"), 412),
        (format!("If-Unmodified-Since: {modified}"), 200),
        (format!("If-Unmodified-Since: {earlier}"), 412),
        (
            format!("If-Match: {etag}\r\nIf-Unmodified-Since: {earlier}"),
            200,
        ),
        (format!("If-Match: \"other\"\r\nIf-None-Match: {etag}"), 412),
    ] {
        let answer = line.get_with("/a.txt", &format!("{lines}\r\n"));
        assert_eq!(answer.status, status, "{lines}");
        match status {
            200 => assert_eq!(answer.text(), TEXT, "{lines}"),
            304 => assert_eq!(answer.field("etag"), etag, "{lines}"),
            _ => {}
        }
    }
}

#[test]
fn a_range_of_what_has_changed_is_the_whole() {
    let site = site();
    let mut line = site.line();
    let etag = line.get("/a.txt").field("etag").to_owned();
    let range = |validator: &str| format!("Range: bytes=0-3\r\nIf-Range: {validator}\r\n");
    assert_eq!(line.get_with("/a.txt", &range(&etag)).text(), "0123");
    assert_eq!(
        line.get_with("/a.txt", &range(&format!("W/{etag}"))).text(),
        TEXT
    );
    assert_eq!(line.get_with("/a.txt", &range("\"other\"")).text(), TEXT);
    site.folder.write("a.txt", "something else");
    assert_eq!(
        line.get_with("/a.txt", &range(&etag)).text(),
        "something else"
    );
    assert_eq!(
        line.get_with("/a.txt", &format!("If-None-Match: {etag}\r\n"))
            .status,
        200
    );
}

#[test]
fn what_changes_is_served_as_it_is_now() {
    let site = site();
    let mut line = site.line();
    for round in 0..50 {
        let content = format!("{round}");
        match round % 3 {
            0 => _ = site.folder.write("a.txt", &content),
            1 => std::fs::rename(
                site.folder.write("new", &content),
                site.folder.file("a.txt"),
            )
            .unwrap(),
            _ => {
                std::fs::remove_file(site.folder.file("a.txt")).unwrap();
                assert_eq!(line.get("/a.txt").status, 404);
                site.folder.write("a.txt", &content);
            }
        }
        assert_eq!(line.get("/a.txt").text(), content);
    }
}

#[test]
fn media_types() {
    let table = [
        ("page.html", "text/html; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("code.js", "text/javascript; charset=utf-8"),
        ("code.mjs", "text/javascript; charset=utf-8"),
        ("data.json", "application/json"),
        ("picture.svg", "image/svg+xml"),
        ("picture.PNG", "image/png"),
        ("picture.avif", "image/avif"),
        ("program.wasm", "application/wasm"),
        ("font.woff2", "font/woff2"),
        ("film.mp4", "video/mp4"),
        ("film.webm", "video/webm"),
        ("nothing-known", "application/octet-stream"),
    ];
    let files: Vec<_> = table.iter().map(|(name, _)| (*name, "x")).collect();
    let site = Site::of(&files, &[]);
    for (name, media) in table {
        let answer = site.get(&format!("/{name}"));
        assert_eq!(answer.field("content-type"), media, "{name}");
    }
}

#[test]
fn what_is_no_request_is_refused_and_the_connection_closed() {
    let site = site();
    for (said, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("hello\r\n\r\n", 400),
    ] {
        let mut line = Line::to(site.server.addr());
        line.say(said);
        let answer = line.hear();
        assert_eq!(answer.status, status, "{said:?}");
        assert_eq!(answer.field("connection"), "close", "{said:?}");
        line.ends();
    }
}
