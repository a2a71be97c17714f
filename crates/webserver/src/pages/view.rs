//! How somebody wants to see a folder.

use proto::http::{Fields, liking};

/// How a folder is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(super) by: By,
    pub(super) order: Order,
    pub(super) form: Form,
}

/// What entries are sorted by. Folders come first in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum By {
    #[default]
    Name,
    Size,
    Modified,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Ascending,
    Descending,
}

/// What it is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Html,
    Json,
}

impl View {
    /// What a query and `Accept` ask for. What is not understood of a query changes nothing.
    pub(crate) fn of(query: Option<&str>, fields: &Fields<'_>) -> Self {
        let accept = fields.accept.as_deref();
        let by_accept = if liking(accept, "application/json") > liking(accept, "text/html") {
            Form::Json
        } else {
            Form::Html
        };
        let value = |name| {
            let mut pairs = query.unwrap_or_default().split('&');
            pairs.find_map(|pair| pair.split_once('=').filter(|(found, _)| *found == name))
        };
        let by = match value("sort") {
            Some((_, "size")) => By::Size,
            Some((_, "modified")) => By::Modified,
            _ => By::Name,
        };
        Self {
            by,
            order: match value("order") {
                Some((_, "asc")) => Order::Ascending,
                Some((_, "desc")) => Order::Descending,
                _ => by.usual(),
            },
            form: match value("format") {
                Some((_, "json")) => Form::Json,
                Some((_, "html")) => Form::Html,
                _ => by_accept,
            },
        }
    }

    /// The query that asks for it, with its `?`; nothing for how it is usually shown.
    pub(super) fn query(self) -> &'static str {
        match (self.by, self.order) {
            (By::Name, Order::Ascending) => "",
            (By::Name, Order::Descending) => "?sort=name&order=desc",
            (By::Size, Order::Ascending) => "?sort=size&order=asc",
            (By::Size, Order::Descending) => "?sort=size&order=desc",
            (By::Modified, Order::Ascending) => "?sort=modified&order=asc",
            (By::Modified, Order::Descending) => "?sort=modified&order=desc",
        }
    }

    /// What a click on the head of this column leads to: the column, or its other end where it is shown already.
    pub(super) fn clicked(self, by: By) -> Self {
        let order = match self.order {
            _ if self.by != by => by.usual(),
            Order::Ascending => Order::Descending,
            Order::Descending => Order::Ascending,
        };
        Self { by, order, ..self }
    }
}

impl By {
    /// What is looked for first: the first name, the longest, the newest.
    fn usual(self) -> Order {
        match self {
            Self::Name => Order::Ascending,
            Self::Size | Self::Modified => Order::Descending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(query: Option<&str>, accept: Option<&str>) -> View {
        let fields = Fields {
            accept: accept.map(|accept| accept.as_bytes().into()),
            ..Fields::default()
        };
        View::of(query, &fields)
    }

    #[test]
    fn what_is_asked_for() {
        let table = [
            (None, By::Name, Order::Ascending),
            (Some(""), By::Name, Order::Ascending),
            (Some("sort=size"), By::Size, Order::Descending),
            (Some("sort=size&order=asc"), By::Size, Order::Ascending),
            (Some("order=desc"), By::Name, Order::Descending),
            (Some("a&b=c&sort=modified"), By::Modified, Order::Descending),
            (Some("sort=%73ize&order=x&&="), By::Name, Order::Ascending),
        ];
        for (query, by, order) in table {
            let view = view(query, None);
            assert_eq!((view.by, view.order), (by, order), "{query:?}");
        }
    }

    #[test]
    fn who_likes_json_gets_it() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let table = [
            (None, None, Form::Html),
            (None, Some("*/*"), Form::Html),
            (None, Some(browser), Form::Html),
            (None, Some("application/json"), Form::Json),
            (None, Some("application/json, */*;q=0.5"), Form::Json),
            (Some("format=json"), Some(browser), Form::Json),
            (Some("format=html"), Some("application/json"), Form::Html),
        ];
        for (query, accept, form) in table {
            assert_eq!(view(query, accept).form, form, "{query:?} {accept:?}");
        }
    }

    #[test]
    fn a_click_is_what_its_query_says() {
        for query in ["", "sort=size&order=asc", "sort=modified", "order=desc"] {
            for by in [By::Name, By::Size, By::Modified] {
                let clicked = view(Some(query), None).clicked(by);
                let again = view(clicked.query().strip_prefix('?'), None);
                assert_eq!(again, clicked, "{query}");
                assert_ne!(again, view(Some(query), None), "{query}");
            }
        }
    }
}
