//! What the operator of a server has switched off for one project.

use teams::Team;

/// The products that a project may not use any more: `feature_flags`, `recordings`. Names stand in the project's settings under
/// `extra_settings.quota_limited`; SDKs are told, and keep the flags they have.
pub fn quota_limited(team: &Team) -> Vec<&'static str> {
    let listed = team.settings.get("extra_settings").and_then(|extra| extra.get("quota_limited")?.as_array());
    let is_listed = |product: &&str| listed.is_some_and(|listed| listed.iter().any(|name| name == product));
    ["feature_flags", "recordings"].into_iter().filter(is_listed).collect()
}
