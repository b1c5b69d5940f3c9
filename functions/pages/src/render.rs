//! Templates, and the few words they may use besides Jinja's own.
//!
//! All of them end in `.html`, so whatever is written with `{{ }}` is escaped. What comes out of [`part`] or a time is
//! HTML made here, from escaped values.

use crate::ask::encoded;
use crate::language::Lang;
use crate::moment;
use crate::texts::{Texts, fill};
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, HtmlEscape, State, UndefinedBehavior};
use std::sync::Arc;

macro_rules! templates {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../templates/", $name))),)*] };
}

/// Every template by its name.
pub(crate) const TEMPLATES: &[(&str, &str)] = templates! {
    "layout.html" "sign_in.html" "home.html" "found.html" "customer.html" "timeline.html" "why.html" "segments.html"
    "segment.html" "journeys.html" "journey.html" "waiting.html" "letters.html" "letter.html" "identity.html"
    "merge.html" "live.html" "problem.html" "password.html"
    "parts/absent.html" "parts/condition.html" "parts/customers.html" "parts/diagram.html" "parts/because.html"
    "parts/pager.html" "parts/rows.html" "parts/refusal.html" "parts/outcome.html"
};

/// The templates with their words.
///
/// # Errors
/// A template that cannot be read; the tests of this crate render every one.
pub(crate) fn environment(texts: &Arc<Texts>) -> Result<Environment<'static>, Error> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Chainable);
    for (name, source) in TEMPLATES {
        env.add_template(name, source)?;
    }
    let table = texts.clone();
    env.add_function("t", move |state: &State, key: String, values: Kwargs| say(&table, state, &key, &values));
    let table = texts.clone();
    env.add_function("label", move |state: &State, group: String, word: Value| label(&table, state, &group, &word));
    env.add_function("part", part);
    env.add_function("may", |state: &State, scope: &str| may(state, scope));
    env.add_filter("minute", |state: &State, time: Value| stamp(state, &time, moment::minute));
    env.add_filter("day", |state: &State, time: Value| stamp(state, &time, moment::day));
    env.add_filter("daytext", |state: &State, time: Value| moment::day(time.as_str().unwrap_or_default(), lang(state)));
    env.add_filter("clock", |state: &State, time: Value| stamp(state, &time, |text, _| moment::clock(text)));
    env.add_filter("pretty", |value: Value| serde_json::to_string_pretty(&value).unwrap_or_default());
    env.add_filter("plain", plain);
    env.add_filter("encoded", |text: String| encoded(&text));
    env.add_filter("thousands", thousands);
    Ok(env)
}

fn lang(state: &State) -> Lang {
    state.lookup("lang").and_then(|code| Lang::read(code.as_str()?)).unwrap_or(Lang::En)
}

/// `t('key', name=value)`: a text of the table. Values are escaped unless they are HTML of ours.
fn say(texts: &Texts, state: &State, key: &str, values: &Kwargs) -> Value {
    let text = texts.get(lang(state), key).unwrap_or(key);
    let filled = fill(text, |name| {
        let value = values.get::<Value>(name).ok()?;
        Some(if value.is_safe() { value.to_string() } else { HtmlEscape(&plain(value)).to_string() })
    });
    Value::from_safe_string(filled)
}

/// `label('group', word)`: what the table calls a word of the API, else the word as it is, which is then escaped like
/// any value. A word may come as an object with texts of its own.
fn label(texts: &Texts, state: &State, group: &str, word: &Value) -> String {
    let lang = lang(state);
    for member in [lang.code(), if lang == Lang::Zh { "name_zh" } else { "name_en" }] {
        if let Ok(own) = word.get_attr(member)
            && let Some(own) = own.as_str()
        {
            return own.to_owned();
        }
    }
    let code = ["stage", "code", "name", "id"].iter().find_map(|member| {
        let value = word.get_attr(member).ok()?;
        value.as_str().map(str::to_owned)
    });
    let code = code.unwrap_or_else(|| plain(word.clone()));
    texts.get(lang, &format!("{group}.{code}")).map_or(code, str::to_owned)
}

/// `may('profiles:write')`: whether the person has this right. What needs a right they do not have is not offered to
/// them; where nobody could say what they have it is, and the API has the last word.
fn may(state: &State, scope: &str) -> bool {
    let scopes = state.lookup("me").and_then(|me| me.get_attr("scopes").ok()).unwrap_or_default();
    match scopes.try_iter() {
        Ok(mut scopes) => scopes.any(|one| one.as_str() == Some(scope)),
        Err(_) => true,
    }
}

/// `part('name', value=...)`: another template with these values and the language of this one.
fn part(state: &State, name: String, values: Kwargs) -> Result<Value, Error> {
    let mut context: std::collections::BTreeMap<String, Value> = std::collections::BTreeMap::new();
    for shared in ["lang", "csrf", "here", "names", "me"] {
        context.insert(shared.into(), state.lookup(shared).unwrap_or_default());
    }
    for name in values.args() {
        context.insert(name.to_owned(), values.get(name)?);
    }
    let html = state.env().get_template(&format!("parts/{name}.html"))?.render(Value::from(context))?;
    Ok(Value::from_safe_string(html))
}

/// A time element; a dash where there is no time.
fn stamp(state: &State, time: &Value, shown: impl Fn(&str, Lang) -> String) -> Value {
    let Some(text) = time.as_str() else { return Value::from("–") };
    let (escaped, shown) = (HtmlEscape(text).to_string(), shown(text, lang(state)));
    Value::from_safe_string(format!("<time datetime=\"{escaped}\">{}</time>", HtmlEscape(&shown)))
}

/// A value as text: texts as they are, everything else as JSON.
pub(crate) fn plain(value: Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None if value.is_undefined() => String::new(),
        None => serde_json::to_string(&value).unwrap_or_default(),
    }
}

/// A count with its thousands apart; a dash where it is unknown.
fn thousands(value: Value) -> String {
    let Some(number) = value.as_i64() else { return "–".into() };
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
