//! Which part of the Jinja grammar a template may use: decided on its syntax tree, before anything is compiled or
//! run, so that a branch no test reaches is looked at too.
//!
//! Whoever writes a journey is not trusted with the host's memory. What could make a text grow faster than its
//! template (`set`, `*`, `**`, filters that multiply) is left out, and joins are few. The matches are exhaustive:
//! a new version of the template engine with a new construct breaks the build, not a customer.

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;

/// The filters a template may use.
pub(crate) const FILTERS: [&str; 11] =
    ["default", "upper", "lower", "capitalize", "trim", "length", "first", "last", "round", "int", "float"];
/// The tests (`is ...`) a template may use.
pub(crate) const TESTS: [&str; 3] = ["defined", "undefined", "none"];
/// How many `~` and `+` one template may use. Each copies what is left of it, so the work grows with the square.
const JOINS_MAX: u32 = 10;

/// Words and signs inside one `{{ … }}` or `{% … %}`, and block tags in one template. Parser, compiler and the walk
/// below recurse once per level, and a stack that overflows takes the whole process with it: depth is bounded by
/// counting, before anything recurses.
const TOKENS_MAX: usize = 100;
const BLOCKS_MAX: usize = 100;

/// Checks a template's grammar. The error is a sentence for the person who wrote it.
pub(crate) fn check(source: &str) -> Result<(), String> {
    bound_depth(source)?;
    let tree = parse(source, "template", SyntaxConfig::default()).map_err(|error| {
        let detail = error.detail().unwrap_or("it is not a template");
        format!("correct the template: {detail} (line {})", error.line().unwrap_or(1))
    })?;
    let mut joins = 0;
    statement(&tree, &mut joins)?;
    if joins > JOINS_MAX {
        return Err(format!(
            "at most {JOINS_MAX} `~` and `+` in one template; put placeholders side by side: {{{{ a }}}}{{{{ b }}}}"
        ));
    }
    Ok(())
}

/// An error of the tokenizer is left to the parser, which tells it with its place.
fn bound_depth(source: &str) -> Result<(), String> {
    let (mut tokens, mut blocks) = (0, 0);
    for (token, _) in tokenize(source, false, SyntaxConfig::default()).map_while(Result::ok) {
        tokens += 1;
        match token {
            Token::VariableStart => tokens = 0,
            Token::BlockStart => {
                tokens = 0;
                blocks += 1;
            }
            Token::TemplateData(_) => tokens = 0,
            _ => {}
        }
        if tokens > TOKENS_MAX {
            return Err(format!("shorten this expression: at most {TOKENS_MAX} words and signs in one {{{{ … }}}}"));
        }
        if blocks > BLOCKS_MAX {
            return Err(format!("at most {BLOCKS_MAX} {{% … %}} in one template"));
        }
    }
    Ok(())
}

fn refused(what: &str) -> Result<(), String> {
    Err(format!("{what} cannot be used in a template; there are {{{{ … }}}}, {{% if %}} and {{% for %}}"))
}

fn statement(statement: &Stmt<'_>, joins: &mut u32) -> Result<(), String> {
    match statement {
        Stmt::Template(template) => body(&template.children, joins),
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emit) => expression(&emit.expr, joins),
        Stmt::IfCond(cond) => {
            expression(&cond.expr, joins)?;
            body(&cond.true_body, joins)?;
            body(&cond.false_body, joins)
        }
        Stmt::ForLoop(each) => {
            if each.recursive {
                return refused("`recursive`");
            }
            expressions([&each.target, &each.iter].into_iter().chain(&each.filter_expr), joins)?;
            body(&each.body, joins)?;
            body(&each.else_body, joins)
        }
        Stmt::WithBlock(_) => refused("`with`"),
        Stmt::Set(_) | Stmt::SetBlock(_) => refused("`set`"),
        Stmt::AutoEscape(_) => refused("`autoescape`"),
        Stmt::FilterBlock(_) => refused("`filter`"),
        Stmt::Do(_) => refused("`do`"),
    }
}

fn body(statements: &[Stmt<'_>], joins: &mut u32) -> Result<(), String> {
    statements.iter().try_for_each(|child| statement(child, joins))
}

fn expressions<'e, 's: 'e>(parts: impl IntoIterator<Item = &'e Expr<'s>>, joins: &mut u32) -> Result<(), String> {
    parts.into_iter().try_for_each(|part| expression(part, joins))
}

fn expression(expr: &Expr<'_>, joins: &mut u32) -> Result<(), String> {
    match expr {
        Expr::Var(_) | Expr::Const(_) => Ok(()),
        Expr::Slice(slice) => {
            expressions([&slice.expr].into_iter().chain(&slice.start).chain(&slice.stop).chain(&slice.step), joins)
        }
        Expr::UnaryOp(op) => expression(&op.expr, joins),
        Expr::BinOp(op) => {
            operator(op.op, joins)?;
            expressions([&op.left, &op.right], joins)
        }
        Expr::Compare(compare) => {
            expressions([&compare.expr].into_iter().chain(compare.ops.iter().map(|op| &op.expr)), joins)
        }
        Expr::IfExpr(cond) => {
            expressions([&cond.test_expr, &cond.true_expr].into_iter().chain(&cond.false_expr), joins)
        }
        Expr::Filter(filter) => {
            known("filter", filter.name, &FILTERS)?;
            expressions(&filter.expr, joins)?;
            arguments(&filter.args, joins)
        }
        Expr::Test(test) => {
            known("test", test.name, &TESTS)?;
            expression(&test.expr, joins)?;
            arguments(&test.args, joins)
        }
        Expr::GetAttr(get) => expression(&get.expr, joins),
        Expr::GetItem(get) => expressions([&get.expr, &get.subscript_expr], joins),
        Expr::Call(_) => refused("a function call"),
        Expr::List(list) => expressions(&list.items, joins),
        Expr::Tuple(tuple) => expressions(&tuple.items, joins),
        Expr::Map(map) => expressions(map.keys.iter().chain(&map.values), joins),
    }
}

fn operator(op: BinOpKind, joins: &mut u32) -> Result<(), String> {
    match op {
        BinOpKind::Mul | BinOpKind::Pow => refused("`*`"),
        BinOpKind::Add | BinOpKind::Concat => {
            *joins += 1;
            Ok(())
        }
        BinOpKind::Eq
        | BinOpKind::Ne
        | BinOpKind::Lt
        | BinOpKind::Lte
        | BinOpKind::Gt
        | BinOpKind::Gte
        | BinOpKind::ScAnd
        | BinOpKind::ScOr
        | BinOpKind::Sub
        | BinOpKind::Div
        | BinOpKind::FloorDiv
        | BinOpKind::Rem
        | BinOpKind::In => Ok(()),
    }
}

fn arguments(args: &[CallArg<'_>], joins: &mut u32) -> Result<(), String> {
    args.iter().try_for_each(|arg| match arg {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) => expression(value, joins),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => refused("`*` before an argument"),
    })
}

fn known(what: &str, name: &str, names: &[&str]) -> Result<(), String> {
    if names.contains(&name) {
        return Ok(());
    }
    Err(format!("there is no such {what} here; the {what}s are {}", names.join(", ")))
}
