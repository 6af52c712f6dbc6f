use db::Migration;

pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "experiments",
    sql: "
        CREATE TABLE experiment (
            id {{id}},
            team_id BIGINT NOT NULL,
            flag_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            kind TEXT NOT NULL,
            holdout_id BIGINT,
            exposure_cohort_id BIGINT,
            start_date BIGINT,
            end_date BIGINT,
            archived BOOLEAN NOT NULL,
            deleted BOOLEAN NOT NULL,
            only_count_matured_users BOOLEAN NOT NULL,
            conclusion TEXT,
            conclusion_comment TEXT,
            parameters TEXT NOT NULL,
            exposure_criteria TEXT NOT NULL,
            metrics TEXT NOT NULL,
            metrics_secondary TEXT NOT NULL,
            primary_order TEXT NOT NULL,
            secondary_order TEXT NOT NULL,
            saved_metrics TEXT NOT NULL,
            stats_config TEXT NOT NULL,
            scheduling_config TEXT NOT NULL,
            variants TEXT NOT NULL,
            created_by BIGINT,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        );
        CREATE INDEX experiment_team ON experiment (team_id, deleted, id);
        CREATE TABLE experiment_holdout (
            id {{id}},
            team_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            filters TEXT NOT NULL,
            created_by BIGINT,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        );
        CREATE INDEX experiment_holdout_team ON experiment_holdout (team_id, id);
        CREATE TABLE experiment_saved_metric (
            id {{id}},
            team_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            description TEXT NOT NULL,
            query TEXT NOT NULL,
            tags TEXT NOT NULL,
            created_by BIGINT,
            created_at BIGINT NOT NULL,
            updated_at BIGINT NOT NULL
        );
        CREATE INDEX experiment_saved_metric_team ON experiment_saved_metric (team_id, id);
        -- Results as they were at the end of a day that is over. The fingerprint names everything that they depend on but events.
        CREATE TABLE experiment_result (
            team_id BIGINT NOT NULL,
            experiment_id BIGINT NOT NULL,
            metric_uuid TEXT NOT NULL,
            fingerprint TEXT NOT NULL,
            day TEXT NOT NULL,
            result TEXT NOT NULL,
            computed_at BIGINT NOT NULL,
            PRIMARY KEY (team_id, experiment_id, metric_uuid, day)
        );
    ",
}];
