//! People and their tokens.

use super::common::{OrgPlace, Page, ScopeWord, TenantId, UserId, written};
use super::describe::Description;
use super::problems::Problem;
use roadbook_access::Role;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use std::borrow::Cow;

written! {
    /// What somebody may do.
    RoleWord false => json_schema!({
        "type": "string",
        "description": "What somebody does (岗位); some need a place in the organisation.",
        "enum": Role::ALL.iter().map(|role| role.code()).collect::<Vec<_>>(),
    });
    /// At least 8 characters.
    Password true => json_schema!({
        "type": "string",
        "minLength": 8,
        "maxLength": 256,
        "format": "password",
        "description": "At least 8 characters, at most 256 bytes, and not the login.",
    });
    /// A person's name.
    PersonName true => json_schema!({ "type": "string", "minLength": 1, "maxLength": 120 });
}

/// A tenant (租户).
#[derive(JsonSchema)]
struct TenantName {
    id: TenantId,
    name: Option<String>,
}

/// Who signs in.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Login {
    login: String,
    password: String,
    /// Needed by those who belong to several.
    #[serde(default)]
    tenant: Option<String>,
}

/// A token.
#[derive(JsonSchema)]
struct Token {
    access_token: String,
    #[schemars(extend("const" = "Bearer"))]
    token_type: String,
    /// Seconds.
    expires_in: u64,
    tenant: TenantName,
    user: TokenUser,
}

/// Who signed in.
#[derive(JsonSchema)]
struct TokenUser {
    id: UserId,
    name: String,
}

/// Say in which tenant.
#[derive(JsonSchema)]
struct ChooseTenant {
    #[schemars(flatten)]
    problem: Problem,
    /// Those the person belongs to.
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    tenants: Vec<TenantName>,
}

/// What a request proves.
#[derive(JsonSchema)]
struct Me {
    tenant: TenantName,
    kind: CallerKind,
    /// The public id of the key or the person.
    id: String,
    name: String,
    roles: Vec<RoleWord>,
    scopes: Vec<ScopeWord>,
    /// Where in the organisation; `null` for the whole tenant.
    org_scope: Option<OrgPlace>,
}

/// A new password for oneself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PasswordChange {
    old_password: String,
    new_password: Password,
}

/// Who calls.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum CallerKind {
    Key,
    User,
}

/// A person (员工) of the tenant.
#[derive(JsonSchema)]
struct User {
    id: UserId,
    login: String,
    name: String,
    roles: Vec<RoleWord>,
    org_scope: Option<OrgPlace>,
    status: UserStatus,
}

/// Whether somebody may sign in.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case")]
enum UserStatus {
    Active,
    Disabled,
}

/// Who is invited.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct UserDraft {
    #[schemars(length(min = 1))]
    login: String,
    name: PersonName,
    #[schemars(length(min = 1))]
    roles: Vec<RoleWord>,
    #[serde(default)]
    org_scope: Option<OrgPlace>,
    password: Password,
}

/// What changes; what is absent stays.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct UserChange {
    #[serde(default)]
    name: Option<PersonName>,
    #[serde(default)]
    #[schemars(length(min = 1))]
    roles: Option<Vec<RoleWord>>,
    /// `null` for the whole tenant.
    #[serde(default)]
    org_scope: Option<OrgPlace>,
    #[serde(default)]
    status: Option<UserStatus>,
    #[serde(default)]
    password: Option<Password>,
}

pub(super) fn routes() -> Vec<Description> {
    vec![
        Description::post("/v1/auth/token", "signIn")
            .says("Sign in", "A login and a password become a token, which is sent as `Authorization: Bearer`.")
            .takes::<Login>("Who.", json!({ "login": "tester@example.com", "password": "a long password" }))
            .answers::<Token>(200, "The token.")
            .with("Cache-Control", "`no-store`.")
            .refuses(401, &["wrong_login"])
            .refuses_as::<ChooseTenant>(409, &["choose_tenant"])
            .refuses(429, &["too_many_failures"])
            .refuses(503, super::problems::UNAVAILABLE),
        Description::get("/v1/me", "getMe")
            .says("Who am I?", "What the key or the token of this request proves.")
            .answers::<Me>(200, "Who, where, and with which rights."),
        Description::post("/v1/me/password", "changeMyPassword")
            .says(
                "Change one's own password (修改密码)",
                "For a person whose password is kept here. Every token of theirs ends, this one too: the answer is a new \
                 one.",
            )
            .takes::<PasswordChange>(
                "Both passwords.",
                json!({ "old_password": "a long password", "new_password": "another long password" }),
            )
            .answers::<Token>(200, "It is changed; a new token.")
            .with("Cache-Control", "`no-store`.")
            .refuses(403, &["not_a_person", "wrong_password"])
            .refuses(409, &["answer_shown_once", "password_elsewhere"])
            .refuses(429, &["too_many_failures"]),
        Description::get("/v1/users", "listUsers")
            .says("List people", "Those within the place of whoever asks. A page may be short.")
            .paged()
            .answers::<Page<User>>(200, "A page of people."),
        Description::post("/v1/users", "createUser")
            .says("Invite somebody", "Nobody gives rights they do not have.")
            .takes::<UserDraft>(
                "Who.",
                json!({
                    "login": "tester@example.com", "name": "Test Person", "roles": [Role::ALL[0].code()],
                    "password": "a long password",
                }),
            )
            .answers::<User>(201, "The person.")
            .with("Location", "The path of the new person.")
            .refuses(403, &["more_than_own"])
            .refuses(409, &["login_taken"]),
        Description::get("/v1/users/{id}", "getUser")
            .says("Get somebody", "A person of this tenant.")
            .of::<UserId>("id", "Whom.")
            .answers::<User>(200, "The person."),
        Description::patch("/v1/users/{id}", "updateUser")
            .says("Change somebody", "A new password, and being disabled, end every token of the person.")
            .of::<UserId>("id", "Whom.")
            .takes_maybe::<UserChange>("What.", json!({ "status": "disabled" }))
            .answers::<User>(200, "The person.")
            .refuses(403, &["more_than_own"])
            .refuses(409, &["belongs_elsewhere", "oneself"]),
        Description::delete("/v1/users/{id}", "removeUser")
            .says("Remove somebody", "Out of this tenant; who belongs to no other one is gone.")
            .of::<UserId>("id", "Whom.")
            .answers_nothing(204, "They are out.")
            .refuses(403, &["more_than_own"])
            .refuses(409, &["oneself"]),
    ]
}
