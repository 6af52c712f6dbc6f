//! The project directory on both databases.

use db::Db;
use model::{OrganizationId, TeamId, Timestamp};
use teams::{NewTeam, Teams};
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_750_000_000_000_000);

#[tokio::test]
async fn a_project_is_found_by_id_and_token() {
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db);
        let team = teams.create_for_tests("phc_one").await;
        assert_eq!(team.id, TeamId(1), "{name}");
        assert_eq!(teams.by_token("phc_one").await.unwrap().unwrap().id, team.id);
        assert_eq!(teams.by_id(team.id).await.unwrap().unwrap().api_token, "phc_one");
        assert!(teams.by_token("phc_two").await.unwrap().is_none());
        assert!(teams.by_id(TeamId(99)).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_change_is_seen_by_the_next_lookup() {
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db);
        let team = teams.create_for_tests("phc_one").await;
        teams.by_token("phc_one").await.unwrap();
        let changed = teams.update(team.id, NOW, |team| {
            team.timezone = chrono_tz::Europe::Berlin;
            team.anonymize_ips = true;
            team.settings.insert("app_urls".into(), serde_json::json!(["https://a.example"]));
        });
        changed.await.unwrap().unwrap();
        let seen = teams.by_token("phc_one").await.unwrap().unwrap();
        assert_eq!(seen.timezone, chrono_tz::Europe::Berlin, "{name}");
        assert!(seen.anonymize_ips && seen.updated_at == NOW);
        assert_eq!(seen.settings["app_urls"], serde_json::json!(["https://a.example"]));
    }
}

#[tokio::test]
async fn an_unknown_token_works_at_once_when_a_project_gets_it() {
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db);
        let first = teams.create_for_tests("phc_one").await;
        assert!(teams.by_token("phc_two").await.unwrap().is_none());
        let new = NewTeam { api_token: Some("phc_two".into()), ..NewTeam::named(first.organization, "Two") };
        teams.create(new, NOW).await.unwrap();
        assert!(teams.by_token("phc_two").await.unwrap().is_some(), "{name}");
        assert_eq!(teams.of_organization(first.organization).await.unwrap().len(), 2);
        assert!(teams.of_organization(OrganizationId(Uuid::from_u128(9))).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_reset_token_stops_working_at_once() {
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db);
        let team = teams.create_for_tests("phc_one").await;
        teams.by_token("phc_one").await.unwrap();
        let reset = teams.reset_token(team.id, NOW).await.unwrap().unwrap();
        assert!(reset.api_token.starts_with("phc_") && reset.api_token != "phc_one", "{name}");
        assert!(teams.by_token("phc_one").await.unwrap().is_none());
        assert!(teams.by_token(&reset.api_token).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_rotated_secret_keeps_the_old_one_until_it_is_deleted() {
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db);
        let team = teams.create_for_tests("phc_one").await;
        let (_, old) = teams.rotate_secret(team.id, NOW).await.unwrap().unwrap();
        let (rotated, new) = teams.rotate_secret(team.id, NOW).await.unwrap().unwrap();
        assert_eq!(rotated.secret_token_mask.as_deref(), Some(teams::mask(&new).as_str()), "{name}");
        for secret in [&old, &new] {
            assert_eq!(teams.by_secret(secret).await.unwrap().unwrap().id, team.id);
        }
        teams.delete_secret_backup(team.id, NOW).await.unwrap();
        assert!(teams.by_secret(&old).await.unwrap().is_none());
        assert!(teams.by_secret(&new).await.unwrap().is_some());
        assert!(teams.by_secret("phs_guess").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_deleted_project_is_gone() {
    for (name, db) in Db::test_databases().await {
        let teams = Teams::new(db);
        let team = teams.create_for_tests("phc_one").await;
        teams.by_id(team.id).await.unwrap();
        assert!(teams.delete(team.id).await.unwrap(), "{name}");
        assert!(teams.by_id(team.id).await.unwrap().is_none());
        assert!(teams.by_token("phc_one").await.unwrap().is_none());
        assert!(!teams.delete(team.id).await.unwrap());
    }
}
