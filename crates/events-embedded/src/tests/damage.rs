use crate::testing::{Rig, field, row};
use events::{EventBatch, EventStore, PersonOverride};
use model::TeamId;
use query::ColumnKind;
use std::fs;
use uuid::Uuid;

/// Two teams: one with a segment that will be damaged, the other with data that must stay readable. Plus rows in the log.
async fn filled() -> Rig {
    let mut rig = Rig::new();
    rig.append((0..400).map(|i| row(1, i, "e", &format!(r#"{{"a":"text {i}"}}"#))).collect()).await;
    rig.append((0..30).map(|i| row(2, i, "e", "{}")).collect()).await;
    let merge = PersonOverride { team: TeamId(2), distinct_id: "user-1".into(), person_id: Uuid::from_u128(5), version: 1 };
    rig.engine().append(EventBatch { overrides: vec![merge], ..EventBatch::default() }).await.unwrap();
    rig.engine().flush().await.unwrap();
    rig.append(vec![row(3, 1, "e", "{}")]).await;
    rig.append(vec![row(3, 2, "e", "{}")]).await;
    rig.append(vec![row(3, 3, "e", "{}")]).await;
    rig.close();
    rig
}

fn flip(rig: &Rig, name: &str, bit: usize) {
    let path = rig.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    fs::write(path, bytes).unwrap();
}

type Files = Vec<(String, Vec<u8>)>;

fn keep(rig: &Rig) -> Files {
    rig.files().into_iter().map(|name| (name.clone(), fs::read(rig.path().join(name)).unwrap())).collect()
}

fn restore(rig: &Rig, files: &Files) {
    rig.files().into_iter().for_each(|name| fs::remove_file(rig.path().join(name)).unwrap());
    files.iter().for_each(|(name, bytes)| fs::write(rig.path().join(name), bytes).unwrap());
}

fn bits(rig: &Rig, name: &str) -> Vec<usize> {
    let length = fs::metadata(rig.path().join(name)).unwrap().len() as usize * 8;
    (0..60).map(|i| i * (length - 1) / 59).collect()
}

fn find(rig: &Rig, part: &str) -> String {
    rig.files().into_iter().find(|name| name.contains(part)).unwrap()
}

async fn read_all(rig: &Rig, team: i64) -> usize {
    let columns = [
        field("uuid", ColumnKind::Uuid),
        field("event", ColumnKind::Text),
        field("distinct_id", ColumnKind::Text),
        crate::testing::all_properties(query::PropertyOwner::Event),
    ];
    rig.sql(team, "SELECT uuid, event, distinct_id, properties FROM events", &columns).await.len()
}

#[tokio::test]
async fn a_flipped_bit_in_a_segment_is_noticed_set_aside_and_leaves_the_rest_readable() {
    let mut rig = filled().await;
    for part in [".parquet", ".side"] {
        let name = rig.files().into_iter().find(|name| name.contains("team=1/") && name.ends_with(part)).unwrap();
        let pristine = keep(&rig);
        for bit in bits(&rig, &name) {
            flip(&rig, &name, bit);
            rig.reopen();
            let rows = read_all(&rig, 1).await;
            // Looks at the keys, and makes them useful again for rows that are gone.
            rig.append(vec![row(1, 7, "e", "{}")]).await;
            let noticed = !rig.engine().damage().is_empty();
            // Parquet leaves four bytes between its parts that nothing reads.
            assert!(noticed || rows == 400, "bit {bit} of {name}: {rows} rows and no word");
            assert!(rows == 400 || rows == 0, "bit {bit} of {name}: {rows} rows");
            assert_eq!(rig.engine().stats().rows - rig.engine().stats().memory_rows >= 430, rows == 400, "bit {bit} of {name}");
            assert_eq!((read_all(&rig, 2).await, read_all(&rig, 3).await), (30, 3), "bit {bit} of {name}");
            rig.close();
            restore(&rig, &pristine);
        }
    }
}

#[tokio::test]
async fn damaged_keys_are_made_anew_and_still_recognise_every_event() {
    let mut rig = filled().await;
    let name = rig.files().into_iter().find(|name| name.contains("team=1/") && name.ends_with(".side")).unwrap();
    let length = fs::metadata(rig.path().join(&name)).unwrap().len() as usize;
    flip(&rig, &name, (length - 100) * 8);
    rig.reopen();
    rig.append((0..401).map(|i| row(1, i, "e", "{}")).collect()).await;
    assert_eq!(read_all(&rig, 1).await, 401);
    assert_eq!(rig.engine().damage().len(), 1, "{:?}", rig.engine().damage());
    rig.reopen();
    rig.append((0..401).map(|i| row(1, i, "e", "{}")).collect()).await;
    assert_eq!((read_all(&rig, 1).await, rig.engine().damage().len()), (401, 0));
}

#[tokio::test]
async fn a_flipped_bit_in_the_manifest_is_noticed_and_its_copy_stands_in() {
    let mut rig = filled().await;
    for bit in bits(&rig, "MANIFEST") {
        flip(&rig, "MANIFEST", bit);
        rig.reopen();
        assert_eq!(rig.engine().damage().len(), 1, "bit {bit}");
        assert_eq!((read_all(&rig, 1).await, read_all(&rig, 2).await, read_all(&rig, 3).await), (400, 30, 3), "bit {bit}");
        rig.close();
        let good = fs::read(rig.path().join("MANIFEST.copy")).unwrap();
        fs::write(rig.path().join("MANIFEST"), good).unwrap();
    }
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_loses_at_most_the_frame_it_is_in_and_is_reported() {
    let mut rig = filled().await;
    let name = rig.files().into_iter().filter(|name| name.starts_with("log/")).max().unwrap();
    let pristine = fs::read(rig.path().join(&name)).unwrap();
    for bit in bits(&rig, &name) {
        flip(&rig, &name, bit);
        rig.reopen();
        let rows = read_all(&rig, 3).await;
        let header = bit < 32 * 8;
        assert!(rows == 2 || (header && rows == 3), "bit {bit}: {rows} rows");
        assert!(!rig.engine().damage().is_empty(), "bit {bit} went unnoticed");
        assert_eq!((read_all(&rig, 1).await, read_all(&rig, 2).await), (400, 30), "bit {bit}");
        rig.close();
        fs::write(rig.path().join(&name), &pristine).unwrap();
    }
}

#[tokio::test]
async fn a_flipped_bit_in_the_overrides_is_noticed_and_events_stay_readable() {
    let mut rig = filled().await;
    let name = find(&rig, "overrides/");
    flip(&rig, &name, 100);
    rig.reopen();
    assert_eq!(rig.engine().damage().len(), 1);
    assert_eq!(read_all(&rig, 2).await, 30);
}

#[tokio::test]
async fn a_log_cut_anywhere_keeps_every_whole_frame_before_the_cut() {
    let mut rig = filled().await;
    let name = rig.files().into_iter().filter(|name| name.starts_with("log/")).max().unwrap();
    let pristine = fs::read(rig.path().join(&name)).unwrap();
    let mut last = 0;
    for length in (0..=pristine.len()).step_by(7) {
        fs::write(rig.path().join(&name), &pristine[..length]).unwrap();
        rig.reopen();
        let rows = read_all(&rig, 3).await;
        assert!(rows >= last, "a longer log gave fewer rows");
        assert!(rig.engine().damage().is_empty(), "an unfinished write is not damage: {:?}", rig.engine().damage());
        last = rows;
        rig.append(vec![row(3, 50, "e", "{}")]).await;
        rig.reopen();
        assert_eq!(read_all(&rig, 3).await, rows + 1, "cut at {length}");
        rig.close();
        let newest = rig.files().into_iter().filter(|name| name.starts_with("log/")).max().unwrap();
        fs::remove_file(rig.path().join(newest)).unwrap();
    }
    assert!(last >= 2);
}

#[tokio::test]
async fn a_segment_that_is_missing_or_cut_is_reported_at_start() {
    let mut rig = filled().await;
    let name = rig.files().into_iter().find(|name| name.contains("team=1/") && name.ends_with(".parquet")).unwrap();
    fs::remove_file(rig.path().join(&name)).unwrap();
    rig.reopen();
    assert_eq!(rig.engine().damage().len(), 1);
    assert_eq!((read_all(&rig, 1).await, read_all(&rig, 2).await), (0, 30));
    rig.reopen();
    assert!(rig.engine().damage().is_empty(), "it is reported once");
}
