//! What README says must be there, is there.

use super::metadata::{files, root, text};

/// Folders whose paths README names.
const ROOMS: &[&str] = &["actors/", "functions/", "infra/", "schemas/", "tests/", ".cargo/", ".ci/", ".github/"];

#[test]
fn every_path_that_a_readme_names_exists() {
    let mut missing = Vec::new();
    for readme in files().iter().filter(|path| path.ends_with(".md")) {
        for quoted in text(readme).split('`').skip(1).step_by(2) {
            // A line number or a function may follow a path; a glob names many.
            let path = quoted.split([':', ' ']).next().unwrap_or_default();
            let named = ROOMS.iter().any(|room| path.starts_with(room)) && !path.contains(['*', '{', '<', '…']);
            if named && !root().join(path).exists() {
                missing.push(format!("{readme}: `{quoted}`"));
            }
        }
    }
    assert!(missing.is_empty(), "no such file or folder:\n{}", missing.join("\n"));
}

#[test]
fn every_link_between_files_leads_somewhere() {
    let mut broken = Vec::new();
    for readme in files().iter().filter(|path| path.ends_with(".md")) {
        let folder = root().join(readme).parent().expect("a file has a folder").to_owned();
        for link in text(readme).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !link.contains("://") && !link.starts_with("mailto:") && !folder.join(path).exists()
            {
                broken.push(format!("{readme}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere:\n{}", broken.join("\n"));
}
