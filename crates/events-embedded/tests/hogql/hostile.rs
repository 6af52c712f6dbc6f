//! Whatever is asked, the answer is a value or a message.

use super::*;

/// Whatever the arguments, a function answers or says what is wrong with them; it is never an internal error.
#[tokio::test]
async fn every_function_answers_or_refuses_any_arguments() {
    let world = World::small().await;
    let pool = [
        "event",
        "properties.n",
        "toFloat(properties.n)",
        "2",
        "'x'",
        "timestamp",
        "toDate(timestamp)",
        "[1, 2]",
        "['a', event]",
        "null",
        "event = 'A'",
        "(1, event)",
        "'day'",
        "-1.5",
        "properties",
    ];
    let mut problems = Vec::new();
    let mut answered = 0;
    for (number, (name, min, max)) in query::callable_functions().into_iter().enumerate() {
        let mut calls = Vec::new();
        for arity in min..=max.min(min + 1).min(4) {
            for first in 0..if arity == 0 { 1 } else { pool.len() } {
                // Not all combinations, but others for every function.
                let arg = |at: usize| if at == 0 { pool[first] } else { pool[(first + at * (number + 3 * at)) % pool.len()] };
                calls.push(format!("{name}({})", (0..arity).map(arg).collect::<Vec<_>>().join(", ")));
            }
        }
        for call in calls {
            let Ok(resolved) = query::parse(&format!("select {call} from events"))
                .map_err(|_| ())
                .and_then(|tree| query::resolve(tree, &world.context).map_err(|_| ()))
            else {
                continue;
            };
            let sql = query::print_datafusion(&resolved).sql;
            match world.engine.select(Select { query: resolved, budget: Budget::default(), cancel: None }).await {
                Ok(_) => answered += 1,
                Err(QueryError::Invalid(_)) => {}
                Err(error) => problems.push(format!("{call}\n  {sql}\n  {error:?}")),
            }
        }
    }
    assert!(answered > 1_000, "only {answered} calls were answered");
    assert!(problems.is_empty(), "{}\n{} internal errors", problems.join("\n\n"), problems.len());
}

#[tokio::test]
async fn hostile_property_names_and_values_are_data() {
    let names = ["a'b", "a\"b", "a`b", "a\\b", "-- x", "a.b", "$x y", "ü", "\n", "'; DROP TABLE events; --"];
    let rows =
        names.iter().enumerate().map(|(at, name)| event(at as u32, name, "u1", "2025-03-10T10:00:00Z", json!({ *name: name }))).collect();
    let world = World::with(rows).await;
    for name in names {
        use query::ast::{Expr, Query, Select};
        let tree = Select::from_table("events")
            .column(Expr::field(["properties", name]))
            .column(Expr::field(["event"]).aliased(name))
            .and_where(Expr::eq(Expr::field(["properties", name]), Expr::constant(name)))
            .and_where(Expr::compare(query::ast::CompareOp::NotEq, Expr::field(["event"]), Expr::constant("' OR 1=1 --")));
        assert_eq!(world.row(&Query::from(tree).to_string()).await, json!([name, name]));
    }
}

#[tokio::test]
async fn bombs_end_with_a_message() {
    let world = World::small().await;
    for bomb in [
        "select range(1000000000000)",
        "select repeat('x', 1000000000000)",
        "select arrayWithConstant(1000000000000, 1)",
        "select leftPad('x', 1000000000000)",
        "select length(groupArray(repeat('x', 1000000))) from numbers(100000)",
        "select length(range(1000000 + number)) from numbers(1000)",
    ] {
        assert!(world.try_rows(bomb).await.is_err(), "{bomb}");
    }
}
