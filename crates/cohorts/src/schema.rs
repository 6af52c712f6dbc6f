use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "cohorts",
    sql: "
        CREATE TABLE cohort (
            id {{id}},
            team_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            filters TEXT NOT NULL,
            query TEXT,
            is_static BOOLEAN NOT NULL,
            deleted BOOLEAN NOT NULL,
            version BIGINT NOT NULL,
            pending_version BIGINT NOT NULL,
            count BIGINT,
            is_calculating BOOLEAN NOT NULL,
            last_calculation BIGINT,
            errors_calculating BIGINT NOT NULL,
            last_error_message TEXT,
            -- When somebody shall compute it next; whoever does moves this first. NULL: never.
            calculate_at BIGINT,
            created_by BIGINT,
            created_at BIGINT NOT NULL
        );
        CREATE INDEX cohort_team ON cohort (team_id, deleted);
        CREATE INDEX cohort_due ON cohort (calculate_at);
        -- Static cohorts keep version 0.
        CREATE TABLE cohort_member (
            team_id BIGINT NOT NULL,
            cohort_id BIGINT NOT NULL,
            person_uuid TEXT NOT NULL,
            version BIGINT NOT NULL,
            PRIMARY KEY (cohort_id, version, person_uuid)
        );
        CREATE INDEX cohort_member_person ON cohort_member (team_id, person_uuid);
        -- Raised in the transaction of every write that changes a definition or a membership.
        CREATE TABLE cohort_version (team_id BIGINT PRIMARY KEY, version BIGINT NOT NULL);
        CREATE TABLE cohort_calculation (
            id {{id}},
            cohort_id BIGINT NOT NULL,
            version BIGINT NOT NULL,
            started_at BIGINT NOT NULL,
            finished_at BIGINT NOT NULL,
            count BIGINT,
            error TEXT
        );
        CREATE INDEX cohort_calculation_cohort ON cohort_calculation (cohort_id, id);
        -- One row: up to which merge of persons memberships have followed.
        CREATE TABLE cohort_merges (id BIGINT PRIMARY KEY, followed BIGINT NOT NULL);
    ",
}];
