use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "feature flags",
    sql: "
        CREATE TABLE feature_flag (
            id {{id}},
            team_id BIGINT NOT NULL,
            flag_key TEXT NOT NULL,
            name TEXT NOT NULL,
            active BOOLEAN NOT NULL,
            deleted BOOLEAN NOT NULL,
            filters TEXT NOT NULL,
            ensure_experience_continuity BOOLEAN NOT NULL,
            version BIGINT NOT NULL,
            bucketing_identifier TEXT,
            evaluation_runtime TEXT NOT NULL,
            evaluation_contexts TEXT NOT NULL,
            is_remote_configuration BOOLEAN NOT NULL,
            has_encrypted_payloads BOOLEAN NOT NULL,
            has_experiment BOOLEAN NOT NULL,
            is_internal BOOLEAN NOT NULL,
            tags TEXT NOT NULL,
            created_by BIGINT,
            created_at BIGINT NOT NULL,
            updated_by BIGINT,
            updated_at BIGINT NOT NULL,
            last_called_at BIGINT
        );
        CREATE INDEX feature_flag_team ON feature_flag (team_id, deleted);
        CREATE UNIQUE INDEX feature_flag_key ON feature_flag (team_id, flag_key) WHERE deleted = FALSE;
        -- Raised in the transaction of every write that may change an answer; processes compare it with what they hold.
        CREATE TABLE feature_flag_version (team_id BIGINT PRIMARY KEY, version BIGINT NOT NULL);
        -- What a flag with experience continuity hashes instead of the distinct id.
        CREATE TABLE feature_flag_hash_key (
            team_id BIGINT NOT NULL,
            person_uuid TEXT NOT NULL,
            flag_key TEXT NOT NULL,
            hash_key TEXT NOT NULL,
            PRIMARY KEY (team_id, person_uuid, flag_key)
        );
    ",
}];
