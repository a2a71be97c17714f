//! Pages that the server makes itself: what is in a folder, what went wrong; and what is said of files beside them.

use serde_json::Value;

use super::Site;
use super::talk::Answer;

fn site(options: &[&str]) -> Site {
    let files = [
        ("bb.txt", "22"),
        ("a.txt", "4444"),
        ("<b>&\"'.txt", "1"),
        ("sub/deep/x", ""),
        ("ü ü", "333"),
    ];
    Site::of(&files, options)
}

/// In which order these are in a page.
fn order(answer: &Answer, names: &[&str]) -> Vec<usize> {
    let text = answer.text();
    let places = names.iter().map(|name| {
        text.find(name)
            .unwrap_or_else(|| panic!("no {name} in {text}"))
    });
    places.collect()
}

#[test]
fn a_folder_is_listed() {
    let site = site(&[]);
    let answer = site.get("/");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.field("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.field("x-content-type-options"), "nosniff");
    let policy = answer.field("content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let text = answer.text();
    assert!(
        text.contains("prefers-color-scheme") && !text.contains("<script"),
        "{text}"
    );
    assert!(
        text.contains("name=\"viewport\"") && text.contains("lang="),
        "{text}"
    );
    // A name is neither markup nor a way out of a link.
    assert!(!text.contains("<b>"), "{text}");
    assert!(text.contains("&lt;b&gt;&amp;"), "{text}");
    assert!(text.contains("%3Cb%3E"), "{text}");
    assert!(text.contains("%C3%BC%20%C3%BC"), "{text}");
    let places = order(&answer, &["sub/", "a.txt", "bb.txt"]);
    assert!(places.is_sorted(), "{places:?}");
    for below in ["/sub/", "/sub/deep/"] {
        let answer = site.get(below);
        assert_eq!(answer.status, 200, "{below}");
        assert!(
            answer.text().contains("../") || answer.text().contains("href=\"/\""),
            "{below}"
        );
    }
}

#[test]
fn a_listing_is_sorted_as_asked() {
    let site = site(&[]);
    for (query, first, then) in [
        ("?sort=name&order=asc", "a.txt", "bb.txt"),
        ("?sort=name&order=desc", "bb.txt", "a.txt"),
        ("?sort=size&order=asc", "bb.txt", "a.txt"),
        ("?sort=size&order=desc", "a.txt", "bb.txt"),
        ("?sort=nonsense", "a.txt", "bb.txt"),
    ] {
        let answer = site.get(&format!("/{query}"));
        let listed = |name: &str| format!("href=\"{name}\"");
        let places = order(&answer, &[&listed(first), &listed(then)]);
        assert!(places.is_sorted(), "{query}: {places:?}");
    }
    let evil = site.get("/?sort=%22%3E%3Cscript%3E&order=\"><script>");
    assert!(!evil.text().contains("<script"), "{}", evil.text());
}

#[test]
fn a_listing_is_data_where_that_is_wanted() {
    let site = site(&[]);
    let by_query = site.get("/?format=json");
    let by_accept = site.get_with("/", "Accept: application/json\r\n");
    assert_eq!(by_query.body, by_accept.body);
    assert_eq!(by_query.field("content-type"), "application/json");
    let list: Value = serde_json::from_slice(&by_query.body).unwrap();
    let entries = list.as_array().or_else(|| list["entries"].as_array());
    let entries = entries.unwrap_or_else(|| panic!("{list}"));
    let names: Vec<_> = entries
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["sub", "<b>&\"'.txt", "a.txt", "bb.txt", "ü ü"]);
    assert_eq!(entries[2]["size"], 4);
}

#[test]
fn a_listing_changes_with_its_folder() {
    let site = site(&[]);
    let mut line = site.line();
    for round in 0..20 {
        let name = format!("new-{round}");
        assert!(!line.get("/").text().contains(&name));
        site.folder.write(&name, "x");
        assert!(line.get("/").text().contains(&name));
    }
}

#[test]
fn a_folder_of_thousands_is_listed() {
    let site = site(&[]);
    std::fs::create_dir(site.folder.file("many")).unwrap();
    for number in 0..5_000 {
        site.folder.write(&format!("many/file-{number:05}"), "");
    }
    let text = site.get("/many/").text();
    assert!(text.contains("file-00000") && text.contains("file-04999"));
}

#[test]
fn what_is_missing_is_said_as_the_client_reads_it() {
    let site = site(&[]);
    let page = site.get_with("/no<b>thing", "Accept: text/html\r\n");
    assert_eq!(page.status, 404);
    assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
    assert!(!page.text().contains("<b>"), "{}", page.text());
    let text = site.get_with("/nothing", "Accept: */*\r\n");
    assert_eq!(text.status, 404);
    assert_eq!(text.field("content-type"), "text/plain; charset=utf-8");
    for answer in [page, text] {
        assert_eq!(answer.field("x-content-type-options"), "nosniff");
    }
}

#[test]
fn a_page_of_the_users_own_says_that_something_is_missing() {
    let own = Site::of(&[("404.html", "<p>gone fishing</p>"), ("a", "x")], &[]);
    let answer = own.get("/nothing/at/all");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (404, "<p>gone fishing</p>")
    );
    assert_eq!(answer.field("content-type"), "text/html; charset=utf-8");
    let file = own.folder.write("elsewhere", "<p>lost</p>");
    let other = Site::of(&[("a", "x")], &["--not-found", &file]);
    assert_eq!(other.get("/nothing").text(), "<p>lost</p>");
    assert_eq!(other.get("/a").status, 200);
}

#[test]
fn one_page_stands_for_all_that_are_not_there() {
    let files = [("index.html", "<p>app</p>"), ("code.js", "1")];
    let site = Site::of(&files, &["--spa"]);
    for target in ["/", "/users/7", "/users/7?x", "/deep/er/and/deeper"] {
        let answer = site.get_with(target, "Accept: text/html\r\n");
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (200, "<p>app</p>"),
            "{target}"
        );
    }
    assert_eq!(site.get("/code.js").text(), "1");
    assert_eq!(site.get_with("/missing.js", "Accept: */*\r\n").status, 404);
}

#[test]
fn other_sites_may_read_where_that_is_allowed() {
    let closed = site(&[]);
    let origin = "Origin: https://example.com\r\n";
    assert_eq!(
        closed
            .get_with("/a.txt", origin)
            .get("access-control-allow-origin"),
        None
    );
    let open = site(&["--cors"]);
    for target in ["/a.txt", "/nothing"] {
        let answer = open.get_with(target, origin);
        assert_eq!(answer.field("access-control-allow-origin"), "*", "{target}");
    }
    let asked = format!(
        "{origin}Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: range\r\n"
    );
    let allowed = open.line().ask("OPTIONS", "/a.txt", &asked);
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.field("access-control-allow-origin"), "*");
    assert!(
        allowed
            .field("access-control-allow-methods")
            .contains("GET")
    );
    let one = site(&["--cors", "https://example.com"]);
    let answer = one.get_with("/a.txt", origin);
    assert_eq!(
        answer.field("access-control-allow-origin"),
        "https://example.com"
    );
    let stranger = one.get_with("/a.txt", "Origin: https://evil.example\r\n");
    assert_ne!(
        stranger.get("access-control-allow-origin"),
        Some("https://evil.example")
    );
    assert_ne!(stranger.get("access-control-allow-origin"), Some("*"));
}

#[test]
fn how_long_a_file_may_be_kept_is_said_where_that_was_settled() {
    let settled = site(&["--cache-control", "public, max-age=600"]);
    assert_eq!(
        settled.get("/a.txt").field("cache-control"),
        "public, max-age=600"
    );
    let etag = settled.get("/a.txt").field("etag").to_owned();
    let kept = settled.get_with("/a.txt", &format!("If-None-Match: {etag}\r\n"));
    assert_eq!(
        (kept.status, kept.field("cache-control")),
        (304, "public, max-age=600")
    );
}
