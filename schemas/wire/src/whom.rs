//! Which columns of a file say whom a line is about.

use roadbook_identity::{Identifier, Kind, TenantKeys};
use serde::Deserialize;

/// A column with identifiers. In the file: `"column"`; for kinds that mean something only within a scope
/// `{ column = "...", scope = "wx..." }`, or `{ column = "...", scope_column = "..." }`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct WhoColumn {
    /// Its name.
    pub column: String,
    /// Where the scope comes from.
    pub scope: Scope,
}

/// Where the scope of an identifier comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The kind has none.
    None,
    /// The same for every line.
    Constant(String),
    /// What another column holds.
    Column(String),
}

const FORM: &str = "expected \"column\", { column = .., scope = .. } or { column = .., scope_column = .. }";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    column: String,
    scope: Option<String>,
    scope_column: Option<String>,
}

impl WhoColumn {
    pub(crate) fn plain(column: &str) -> Self {
        Self { column: column.to_owned(), scope: Scope::None }
    }

    pub(crate) fn has_scope(&self) -> bool {
        self.scope != Scope::None
    }
}

impl TryFrom<toml::Value> for WhoColumn {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let form: Form = match value {
            toml::Value::String(column) => return Ok(Self::plain(&column)),
            toml::Value::Table(table) => table.try_into().map_err(|_| FORM.to_owned())?,
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_) => return Err(FORM.to_owned()),
        };
        let scope = match (form.scope, form.scope_column) {
            (None, None) => Scope::None,
            (Some(scope), None) => Scope::Constant(scope),
            (None, Some(column)) => Scope::Column(column),
            (Some(_), Some(_)) => return Err(FORM.to_owned()),
        };
        Ok(Self { column: form.column, scope })
    }
}

/// What a kind needs of a scope, for errors.
pub(crate) fn scope_of(kind: Kind) -> String {
    let needs = match kind {
        Kind::Openid => "the appid of its mini-program",
        Kind::ExternalUserid => "the id of its corp",
        Kind::DmsId => "the name of its system or dealer",
        Kind::UserId | Kind::CrmId | Kind::Unionid | Kind::Phone | Kind::Email | Kind::Device | Kind::AnonymousId => {
            return format!("the kind {kind} has no scope");
        }
    };
    format!("the kind {kind} needs {needs}: {{ column = .., scope = .. }} or {{ column = .., scope_column = .. }}")
}

/// One column with identifiers, by its place in the file.
pub(crate) struct Who {
    pub(crate) kind: Kind,
    pub(crate) index: usize,
    pub(crate) scope: ScopeAt,
}

/// Where the scope of an identifier stands in the file.
pub(crate) enum ScopeAt {
    Constant(String),
    Index(usize),
}

impl Who {
    /// The identifier of one line; `None` where its cell is empty.
    ///
    /// # Errors
    /// The column that is wrong, and what is wrong with it.
    pub(crate) fn read(&self, fields: &[&str], keys: &TenantKeys) -> Result<Option<Identifier>, (usize, String)> {
        let raw = fields[self.index];
        if raw.is_empty() {
            return Ok(None);
        }
        let (scope, at) = match &self.scope {
            ScopeAt::Constant(scope) => (scope.as_str(), self.index),
            ScopeAt::Index(index) => (fields[*index], *index),
        };
        if self.kind.is_scoped() && scope.is_empty() {
            return Err((at, format!("the scope of the {} is empty", self.kind)));
        }
        keys.identifier(self.kind, scope, raw).map(Some).map_err(|error| (self.index, error.to_string()))
    }
}
