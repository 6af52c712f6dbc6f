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
        -- `bytes` is what the filters of the project's flags come to.
        CREATE TABLE feature_flag_version (team_id BIGINT PRIMARY KEY, version BIGINT NOT NULL, bytes BIGINT NOT NULL DEFAULT 0);
        -- Every version of a flag, whole.
        CREATE TABLE feature_flag_history (
            team_id BIGINT NOT NULL,
            flag_id BIGINT NOT NULL,
            version BIGINT NOT NULL,
            record TEXT NOT NULL,
            user_id BIGINT,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (team_id, flag_id, version)
        );
        -- What else uses a flag, said by whoever uses it.
        CREATE TABLE feature_flag_link (
            team_id BIGINT NOT NULL,
            flag_id BIGINT NOT NULL,
            kind TEXT NOT NULL,
            item TEXT NOT NULL,
            name TEXT NOT NULL,
            PRIMARY KEY (team_id, flag_id, kind, item)
        );
        CREATE TABLE feature_flag_scheduled_change (
            id {{id}},
            team_id BIGINT NOT NULL,
            flag_id BIGINT NOT NULL,
            payload TEXT NOT NULL,
            scheduled_at BIGINT NOT NULL,
            first_at BIGINT NOT NULL,
            is_recurring BOOLEAN NOT NULL,
            recurrence_interval TEXT,
            end_date BIGINT,
            executed_at BIGINT,
            failure_reason TEXT,
            last_executed_at BIGINT,
            created_by BIGINT,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        );
        CREATE INDEX feature_flag_scheduled_change_due ON feature_flag_scheduled_change (scheduled_at) WHERE executed_at IS NULL;
        CREATE INDEX feature_flag_scheduled_change_team ON feature_flag_scheduled_change (team_id, flag_id);
        CREATE TABLE early_access_feature (
            id TEXT PRIMARY KEY,
            team_id BIGINT NOT NULL,
            flag_id BIGINT,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            stage TEXT NOT NULL,
            documentation_url TEXT NOT NULL,
            payload TEXT NOT NULL,
            created_by BIGINT,
            created_at BIGINT NOT NULL
        );
        CREATE INDEX early_access_feature_team ON early_access_feature (team_id, stage);
        -- A flag belongs to one early access feature at most.
        CREATE UNIQUE INDEX early_access_feature_flag ON early_access_feature (team_id, flag_id);
        -- What a flag with experience continuity hashes instead of the distinct id.
        CREATE TABLE feature_flag_hash_key (
            team_id BIGINT NOT NULL,
            person_uuid TEXT NOT NULL,
            flag_key TEXT NOT NULL,
            hash_key TEXT NOT NULL,
            PRIMARY KEY (team_id, person_uuid, flag_key)
        );
        -- Up to which merge of persons their hash keys have followed them. One row.
        CREATE TABLE feature_flag_merges_followed (id BIGINT PRIMARY KEY, position BIGINT NOT NULL);
    ",
}];
