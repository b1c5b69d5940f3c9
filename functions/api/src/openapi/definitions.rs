//! The doors that segments and journeys have in common: defining, editing, publishing, archiving.

/// Those doors, named after one kind of definition: `shared_doors!("segment", "segments", "Segment", "Segments", ...)`
/// with its id, how it is shown, how it is written, and the words that are its own.
macro_rules! shared_doors {
    (
        $one:literal, $many:literal, $One:literal, $Many:literal;
        id: $Id:ty, shown: $Shown:ty, draft: $Draft:ty,
        example: $example:expr, body: $body:literal, invalid: $invalid:literal,
        created: $created:literal, published: $published:literal $(,)?
    ) => {
        vec![
            Description::get(concat!("/v1/", $many), concat!("list", $Many))
                .says(concat!("List ", $many), "Oldest first, drafts too; archived ones only where they are asked for.")
                .query::<Status>("status", "Only those that stand so.")
                .paged()
                .refuses(400, &["unknown_choice"])
                .answers::<Page<$Shown>>(200, concat!("A page of ", $many, ".")),
            Description::post(concat!("/v1/", $many), concat!("create", $One))
                .says(concat!("Create a ", $one), $created)
                .idempotent()
                .takes::<$Draft>($body, $example)
                .answers::<$Shown>(201, "The draft.")
                .with("Location", concat!("The path of the new ", $one, "."))
                .tagged()
                .refuses(409, &["idempotency_key_used"])
                .refuses(413, &["definition_too_large"])
                .refuses(
                    422,
                    &[
                        "invalid_name",
                        $invalid,
                        "unknown_journey",
                        "unknown_segment",
                        "too_many_definitions",
                        "catalog_full",
                    ],
                ),
            Description::get(concat!("/v1/", $many, "/{id}"), concat!("get", $One))
                .says(concat!("Get a ", $one), "Its newest draft, and which revision is in force.")
                .of::<$Id>("id", concat!("Which ", $one, "."))
                .answers::<$Shown>(200, concat!("The ", $one, "."))
                .tagged(),
            Description::put(concat!("/v1/", $many, "/{id}"), concat!("update", $One))
                .says(
                    concat!("Edit a ", $one),
                    "Makes a new draft. What is published stays in force until the draft is.",
                )
                .of::<$Id>("id", concat!("Which ", $one, "."))
                .guarded()
                .idempotent()
                .takes::<$Draft>($body, $example)
                .answers::<$Shown>(200, "The new draft.")
                .tagged()
                .refuses(409, &["archived"])
                .refuses(413, &["definition_too_large"])
                .refuses(422, &["invalid_name", $invalid, "unknown_journey", "unknown_segment", "catalog_full"]),
            Description::delete(concat!("/v1/", $many, "/{id}"), concat!("archive", $One))
                .says(concat!("Archive a ", $one), "Its id stays known; nothing of it is in force any more.")
                .of::<$Id>("id", concat!("Which ", $one, "."))
                .guarded()
                .idempotent()
                .answers_nothing(204, "It is archived.")
                .refuses(409, &["archived", concat!($one, "_in_use"), "cannot_publish"]),
            Description::post(concat!("/v1/", $many, "/{id}/publish"), concat!("publish", $One))
                .says(concat!("Publish a ", $one), $published)
                .of::<$Id>("id", concat!("Which ", $one, "."))
                .idempotent()
                .answers::<$Shown>(200, concat!("The ", $one, " in force."))
                .tagged()
                .refuses(409, &["archived"])
                .refuses(409, &["already_published", "cannot_publish"]),
        ]
    };
}
pub(super) use shared_doors;
