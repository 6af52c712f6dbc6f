use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "actions",
    sql: "
        CREATE TABLE action (
            id {{id}},
            team_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            tags TEXT NOT NULL,
            steps TEXT NOT NULL,
            post_to_slack BOOLEAN NOT NULL,
            slack_message_format TEXT NOT NULL,
            pinned_at BIGINT,
            deleted BOOLEAN NOT NULL,
            created_by BIGINT,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        );
        CREATE INDEX action_team ON action (team_id, deleted);
        -- Raised in the transaction of every write.
        CREATE TABLE action_version (team_id BIGINT PRIMARY KEY, version BIGINT NOT NULL);
    ",
}];
