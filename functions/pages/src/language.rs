//! Which language a page is written in.

use crate::cookies;
use axum::http::HeaderMap;

/// A language of the pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lang {
    /// 简体中文.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// Both.
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];

    /// `zh` or `en`, as in `?lang=` and in the explain answers of the API.
    pub const fn code(self) -> &'static str {
        match self {
            Lang::Zh => "zh",
            Lang::En => "en",
        }
    }

    /// The value of the `lang` attribute of a page.
    pub const fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }

    /// The language with this code.
    pub fn read(code: &str) -> Option<Lang> {
        Self::ALL.into_iter().find(|lang| lang.code() == code)
    }

    /// What was asked for just now, else what was chosen before, else what the browser prefers.
    pub(crate) fn of(query: Option<&str>, headers: &HeaderMap) -> Lang {
        let chosen = || cookies::get(headers, cookies::LANG).and_then(|code| Lang::read(&code));
        asked(query).or_else(chosen).unwrap_or_else(|| preferred(headers))
    }
}

/// `?lang=` of a query.
pub(crate) fn asked(query: Option<&str>) -> Option<Lang> {
    query?.split('&').find_map(|pair| Lang::read(pair.strip_prefix("lang=")?))
}

/// The first of the browser's languages that we speak, by weight; English where it names none of them.
fn preferred(headers: &HeaderMap) -> Lang {
    let text = headers.get("accept-language").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best: Option<(f32, Lang)> = None;
    for entry in text.split(',') {
        let mut parts = entry.split(';');
        let name = parts.next().unwrap_or_default().trim().to_lowercase();
        let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
        let lang = match name.split('-').next() {
            Some("zh") => Lang::Zh,
            Some("en") => Lang::En,
            Some(_) | None => continue,
        };
        if best.is_none_or(|(heaviest, _)| weight > heaviest) {
            best = Some((weight, lang));
        }
    }
    best.map_or(Lang::En, |(_, lang)| lang)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn of(query: Option<&str>, cookie: &'static str, accepted: &'static str) -> Lang {
        let mut headers = HeaderMap::new();
        headers.insert("cookie", HeaderValue::from_static(cookie));
        headers.insert("accept-language", HeaderValue::from_static(accepted));
        Lang::of(query, &headers)
    }

    #[test]
    fn the_address_wins_then_the_cookie_then_the_browser() {
        assert_eq!(of(Some("a=1&lang=zh"), "roadbook_lang=en", "en"), Lang::Zh);
        assert_eq!(of(Some("lang=fr"), "roadbook_lang=zh", "en"), Lang::Zh);
        assert_eq!(of(None, "", "fr, zh-TW;q=0.8, en;q=0.5"), Lang::Zh);
        assert_eq!(of(None, "", "en-GB,zh;q=0.9"), Lang::En);
        assert_eq!(of(None, "", ""), Lang::En);
    }
}
