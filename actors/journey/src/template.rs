//! Message texts with placeholders: `{{ traits.name }}`, `{{ traits.city | default("你好") }}`, `{% if … %}`.
//!
//! The language is a small part of Jinja (see `grammar.rs`); instructions are counted and the output is cut off, so
//! that a rendering costs little whatever the template and the data are.

use crate::grammar;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, filters, tests as are};
use std::io;

/// The longest rendered text, in bytes: what WeCom takes in one text message.
pub(crate) const OUTPUT_BYTES_MAX: usize = 2048;
/// The longest template, in bytes.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 4096;
/// Instructions one rendering may use. A text with 50 placeholders needs about 200.
const FUEL: u64 = 5_000;

/// Why a template cannot be used, for the person who wrote it.
pub(crate) fn check(source: &str) -> Result<(), String> {
    if source.len() > TEMPLATE_BYTES_MAX {
        return Err(format!("shorten this text to {TEMPLATE_BYTES_MAX} bytes; it has {}", source.len()));
    }
    grammar::check(source)?;
    // The compiler refuses some trees the parser lets through.
    environment()
        .template_from_str(source)
        .map(|_| ())
        .map_err(|error| format!("correct the template: {} (line {})", error.kind(), error.line().unwrap_or(1)))
}

/// Renders a template over data; what is missing or null renders as nothing. The error names the place in the
/// template and never the data.
pub(crate) fn fill(source: &str, data: &Value) -> Result<String, String> {
    // A plan may come out of a store, written by a version that allowed more.
    grammar::check(source)?;
    let environment = environment();
    let mut out = Bounded { bytes: Vec::new(), overflowed: false };
    let rendered = environment
        .template_from_str(source)
        .and_then(|template| template.render_captured_to(data, &mut out).map(|_| ()));
    if out.overflowed {
        return Err(format!("the rendered text is longer than {OUTPUT_BYTES_MAX} bytes"));
    }
    rendered.map_err(|error| place(&error))?;
    String::from_utf8(out.bytes).map_err(|_| "the rendered text is not UTF-8".to_owned())
}

/// Only kind and line: the engine's own detail may quote the customer's values.
fn place(error: &Error) -> String {
    match error.kind() {
        ErrorKind::OutOfFuel => "the template takes too many steps on this customer".to_owned(),
        kind => format!("the template cannot be rendered: {kind} in line {}", error.line().unwrap_or(1)),
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    // A trait that was removed is null; the language would print it as the word "none".
    environment.set_formatter(
        |out, state, value| {
            if value.is_none() { Ok(()) } else { minijinja::escape_formatter(out, state, value) }
        },
    );
    for name in grammar::FILTERS {
        match name {
            "upper" => environment.add_filter(name, filters::upper),
            "lower" => environment.add_filter(name, filters::lower),
            "capitalize" => environment.add_filter(name, filters::capitalize),
            "trim" => environment.add_filter(name, filters::trim),
            "length" => environment.add_filter(name, filters::length),
            "first" => environment.add_filter(name, filters::first),
            "last" => environment.add_filter(name, filters::last),
            "round" => environment.add_filter(name, filters::round),
            "int" => environment.add_filter(name, filters::int),
            "float" => environment.add_filter(name, filters::float),
            _ => environment.add_filter(name, filters::default),
        }
    }
    environment.add_test("defined", are::is_defined);
    environment.add_test("undefined", are::is_undefined);
    environment.add_test("none", are::is_none);
    environment
}

/// Takes the output until it is too long.
struct Bounded {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + part.len() > OUTPUT_BYTES_MAX {
            self.overflowed = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn filled(source: &str, data: &serde_json::Value) -> Result<String, String> {
        fill(source, &Value::from(minijinja::value::Serde(data)))
    }

    #[test]
    fn placeholders_are_filled_and_missing_ones_are_empty() {
        let data = json!({"traits": {"name": "Test Person", "n": 3, "gone": null, "list": ["a", "b"]}});
        let table = [
            ("你好 {{ traits.name }}", "你好 Test Person"),
            ("[{{ traits.none.at.all }}][{{ nothing }}][{{ traits.gone }}][{{ traits.gone.deep }}]", "[][][][]"),
            ("{{ traits.missing | default('客户') }}", "客户"),
            ("{{ traits.gone | default('客户', true) }}", "客户"),
            ("{{ traits.n + 1 }} {{ traits.name | upper }}", "4 TEST PERSON"),
            ("{% if traits.n > 2 %}many{% else %}few{% endif %}", "many"),
            ("{% for x in traits.list %}<{{ x }}>{% endfor %}", "<a><b>"),
            ("<b>&{{ traits.name }}\"", "<b>&Test Person\""),
            ("{% if traits.car is defined %}car{% endif %}", ""),
            ("{{ traits.name[:4] }}{{ traits.list | last }}{# a note #}", "Testb"),
        ];
        for (source, expected) in table {
            assert_eq!(check(source), Ok(()), "{source}");
            assert_eq!(filled(source, &data).as_deref(), Ok(expected), "{source}");
        }
        for filter in grammar::FILTERS {
            let source = format!("{{{{ '7' | {filter} }}}}");
            assert_eq!(check(&source), Ok(()));
            let known = filled(&source, &data).map_or_else(|error| !error.contains("unknown"), |_| true);
            assert!(known, "{filter} is promised and not there");
        }
    }

    #[test]
    fn bad_templates_are_refused_with_a_hint() {
        let table = [
            ("{{ traits.name", "correct the template"),
            ("{{ traits. }}", "correct the template"),
            ("{% if x %}open", "correct the template"),
            ("{% if x %}{{ x | shout }}{% endif %}", "the filters are"),
            ("{{ x is odd }}", "the tests are"),
            ("{{ range(9) }}", "a function call"),
            ("{{ x.items() }}", "a function call"),
            ("{% set a = 'x' %}", "`set`"),
            ("{%- include 'x' %}", "correct the template"),
            ("{% with a = 'x' %}{% endwith %}", "`with`"),
            ("{{ 'x' * 100000000 }}", "`*`"),
            ("{{ '}}' * 9 }}", "`*`"),
            ("{{ [1, {'a': 2 ** 9}] }}", "`*`"),
            ("{{ a~a~a~a~a~a~a~a~a~a~a~a }}", "at most 10"),
        ];
        for (source, hint) in table {
            let problem = check(source).expect_err(source);
            assert!(problem.contains(hint), "{source}: {problem}");
        }
        assert!(check(&"x".repeat(TEMPLATE_BYTES_MAX + 1)).unwrap_err().contains("shorten"));
    }

    #[test]
    fn work_and_output_are_bounded() {
        let long = json!({"a": "长".repeat(700), "list": (0..300).collect::<Vec<u32>>()});
        assert!(filled("{{ a }}", &long).unwrap_err().contains("longer than 2048 bytes"));
        let loops = "{% for x in list %}{% for y in list %}{% for z in list %}{% endfor %}{% endfor %}{% endfor %}";
        assert!(filled(loops, &long).unwrap_err().contains("too many steps"));
    }

    #[test]
    fn an_error_never_quotes_the_customer() {
        let data = json!({"traits": {"name": "Planted Value"}});
        for source in ["{{ traits.name - 1 }}", "{{ traits.name | int }}", "{{ traits.name() }}", "{{ -traits.name }}"]
        {
            let error = filled(source, &data).expect_err(source);
            assert!(!error.contains("Planted"), "{source}: {error}");
        }
    }

    #[test]
    fn deep_templates_do_not_exhaust_the_stack() {
        let deep = |open: &str, middle: &str, close: &str| {
            let levels = (TEMPLATE_BYTES_MAX - 20) / (open.len() + close.len());
            format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
        };
        let sources = [
            format!("{{{{ {} }}}}", deep("(", "a", ")")),
            format!("{{{{ {} }}}}", deep("[", "a", "]")),
            format!("{{{{ {} }}}}", deep("-", "a", "")),
            format!("{{{{ {} }}}}", deep("not ", "a", "")),
            format!("{{{{ {} }}}}", deep("a.", "a", "")),
            format!("{{{{ {} }}}}", deep("a-", "a", "")),
            format!("{{{{ a{} }}}}", deep("", "", "|trim")),
            format!("{{{{ a{} }}}}", deep("", "", "[0]")),
            format!("{{{{ {} }}}}", deep("a if a else ", "a", "")),
            deep("{% if a %}", "a", "{% endif %}"),
            deep("{% for a in a %}", "a", "{% endfor %}"),
        ];
        for source in sources {
            assert!(source.len() <= TEMPLATE_BYTES_MAX);
            let problem = check(&source).expect_err(&source);
            assert!(problem.contains("at most"), "{source}: {problem}");
        }
        // The deepest that is let through, in a thread with a small stack.
        let deepest = [
            format!("{{{{ {} }}}}", "(".repeat(49) + "a" + &")".repeat(49)),
            format!("{{{{ {}a }}}}", "-".repeat(98)),
            format!("{{{{ a{} }}}}", "[0]".repeat(32)),
            "{% if a %}".repeat(50) + &"{% endif %}".repeat(50),
            "{% if a %}".to_owned() + &"{% elif b %}".repeat(98) + "{% endif %}",
        ];
        let work =
            move || deepest.iter().map(|source| (check(source), filled(source, &json!({"a": 1})))).collect::<Vec<_>>();
        let small = std::thread::Builder::new().stack_size(1 << 20);
        let answers = small.spawn(work).unwrap().join().unwrap();
        assert!(answers.iter().all(|(checked, _)| checked.is_ok()), "{answers:?}");
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(source in "(\\{\\{|\\}\\}|\\{%|%\\}|if|endif|for|in|[a-z|~.'\\[\\]() ]|\\PC){0,40}") {
            let data = json!({"a": {"b": [1, "x", null]}});
            if check(&source).is_ok() {
                let _ = filled(&source, &data);
            }
        }
    }
}
