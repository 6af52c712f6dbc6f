//! Random trees and random texts: printing and parsing agree, and nothing that a client can send makes the program fall over.

use model::{TeamId, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use query::ast::*;
use query::{Context, parse, parse_expr, print_datafusion, resolve};

/// `HOGLET_FUZZ_CASES=1000000` searches longer.
fn cases() -> u32 {
    std::env::var("HOGLET_FUZZ_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(600)
}

const ACCEPTED: &str = include_str!("accepted.sql");

fn context() -> Context {
    Context::new(TeamId(1), Timestamp(1_741_792_830_000_000))
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z$_][a-z0-9$_]{0,6}",
        prop::sample::select(vec![
            "select",
            "from",
            "event",
            "timestamp",
            "properties",
            "team_id",
            "end",
            "f",
            "null",
            "in",
            "interval",
            "date",
            "a b",
            "1",
            "x.y",
            "`",
            "\"",
            "\\",
            "--",
            "'",
            "ü",
            "\n",
            "*"
        ])
        .prop_map(str::to_owned),
        "\\PC{1,5}",
    ]
}

fn constant() -> impl Strategy<Value = Constant> {
    prop_oneof![
        Just(Constant::Null),
        any::<bool>().prop_map(Constant::Bool),
        // The text form of the smallest integer is read as a float.
        (i64::MIN + 1..=i64::MAX).prop_map(Constant::Int),
        any::<f64>().prop_map(Constant::Float),
        any::<String>().prop_map(Constant::String),
        "[ '\\\\`\"/*#{}-]{0,8}".prop_map(Constant::String),
    ]
}

fn compare_op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::*;
    prop::sample::select(vec![
        Eq,
        NotEq,
        Lt,
        LtEq,
        Gt,
        GtEq,
        Like,
        NotLike,
        ILike,
        NotILike,
        In,
        NotIn,
        InCohort,
        NotInCohort,
        Regex,
        NotRegex,
        IRegex,
        NotIRegex,
        NullSafeEq,
        NullSafeNotEq,
    ])
}

fn arithmetic_op() -> impl Strategy<Value = ArithmeticOp> {
    use ArithmeticOp::*;
    prop::sample::select(vec![Add, Subtract, Multiply, Divide, Modulo])
}

fn order(expr: BoxedStrategy<Expr>) -> impl Strategy<Value = Order> {
    (expr, any::<bool>(), option::of(any::<bool>())).prop_map(|(expr, descending, nulls_first)| Order { expr, descending, nulls_first })
}

fn call(inner: BoxedStrategy<Expr>) -> impl Strategy<Value = ExprKind> {
    (name(), vec(inner.clone(), 0..3), vec(inner.clone(), 0..2), option::of(inner.clone()), option::of(vec(order(inner), 0..2))).prop_map(
        |(name, args, params, filter, over)| {
            let over = over.map(|order_by| Over::Spec(WindowSpec { order_by, ..WindowSpec::default() }));
            ExprKind::Call(Box::new(Call { name, params, args, filter, over, ..Call::default() }))
        },
    )
}

fn expr() -> BoxedStrategy<Expr> {
    let leaf = prop_oneof![
        constant().prop_map(ExprKind::Constant),
        vec(name(), 1..4).prop_map(ExprKind::Field),
        vec(name(), 1..3).prop_map(ExprKind::Placeholder),
    ]
    .prop_map(Expr::new);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let one = || inner.clone().prop_map(Box::new);
        prop_oneof![
            call(inner.clone().boxed()),
            vec(inner.clone(), 2..4).prop_map(ExprKind::And),
            vec(inner.clone(), 2..4).prop_map(ExprKind::Or),
            one().prop_map(ExprKind::Not),
            one().prop_map(ExprKind::Negate),
            (one(), arithmetic_op(), one()).prop_map(|(a, op, b)| ExprKind::Arithmetic(a, op, b)),
            (one(), compare_op(), one()).prop_map(|(a, op, b)| ExprKind::Compare(a, op, b)),
            (one(), one(), one(), any::<bool>()).prop_map(|(expr, low, high, negated)| ExprKind::Between { expr, low, high, negated }),
            (one(), any::<bool>()).prop_map(|(expr, negated)| ExprKind::IsNull { expr, negated }),
            vec(inner.clone(), 0..3).prop_map(ExprKind::Array),
            vec(inner.clone(), 0..3).prop_map(ExprKind::Tuple),
            (one(), one()).prop_map(|(of, index)| ExprKind::Index { of, index }),
            (one(), option::of(one()), option::of(one())).prop_map(|(of, from, to)| ExprKind::Slice { of, from, to }),
            (vec(name(), 1..3), one()).prop_map(|(params, body)| ExprKind::Lambda { params, body }),
            (one(), name()).prop_map(|(expr, name)| ExprKind::Alias { expr, name }),
            inner.clone().prop_map(|expr| ExprKind::Subquery(Box::new(Select::from_table("events").column(expr).into()))),
        ]
        .prop_map(Expr::new)
    })
    .boxed()
}

fn query() -> impl Strategy<Value = Query> {
    (vec(expr(), 1..3), option::of(expr()), vec(expr(), 0..2), vec(order(expr()), 0..2), option::of(0i64..100), name()).prop_map(
        |(columns, filter, keys, order_by, limit, alias)| {
            let mut select = Select { columns, filter, order_by, limit: limit.map(Expr::constant), ..Select::from_table("events") };
            if !keys.is_empty() {
                select = select.group_by(keys);
            }
            if let Some(from) = &mut select.from {
                from.first.alias = Some(alias);
            }
            select.into()
        },
    )
}

/// A statement with pieces of another one, or of nothing sensible, put in.
fn mutated() -> impl Strategy<Value = String> {
    let statements: Vec<&'static str> = ACCEPTED.split("\n\n").map(str::trim).filter(|one| !one.is_empty()).collect();
    let pieces = vec![
        "'",
        "\"",
        "`",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "f'{",
        "--",
        "/*",
        "\\",
        ",",
        ".",
        "?",
        ":",
        "->",
        "select",
        "from",
        " over (",
        " 1e999",
        "0x",
        "\0",
        "ü",
        "$",
        "::",
        " in cohort ",
    ];
    (prop::sample::select(statements.clone()), prop::sample::select(statements), prop::sample::select(pieces), any::<(u16, u16, u16)>())
        .prop_map(|(one, other, piece, (at, from, to))| {
            let place = |text: &str, at: u16| {
                let mut at = usize::from(at) % (text.len() + 1);
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let (from, to) = (place(other, from), place(other, to));
            let at = place(one, at);
            format!("{}{piece}{}{}", &one[..at], &other[from.min(to)..from.max(to)], &one[at..])
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_expression_parses_to_itself(expr in expr()) {
        let text = expr.to_string();
        prop_assert_eq!(parse_expr(&text).map_err(|error| TestCaseError::fail(format!("{text}\n{error:?}")))?, expr, "{}", text);
    }

    #[test]
    fn a_printed_query_parses_to_itself(query in query()) {
        let text = query.to_string();
        prop_assert_eq!(parse(&text).map_err(|error| TestCaseError::fail(format!("{text}\n{error:?}")))?, query, "{}", text);
    }

    #[test]
    fn a_random_query_is_answered_or_refused(query in query()) {
        if let Ok(resolved) = resolve(query, &context()) {
            print_datafusion(&resolved);
        }
    }

    #[test]
    fn a_random_text_is_a_tree_or_an_error_inside_the_text(text in "\\PC{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.start <= error.end && error.start <= text.len(), "{:?}", error);
        }
    }

    #[test]
    fn a_broken_statement_is_answered_or_refused(text in mutated()) {
        match parse(&text) {
            Err(error) => prop_assert!(error.start <= error.end && error.start <= text.len(), "{:?}", error),
            Ok(tree) => {
                prop_assert_eq!(parse(&tree.to_string()).ok(), Some(tree.clone()), "{}", text);
                if let Ok(resolved) = resolve(tree, &context()) {
                    print_datafusion(&resolved);
                }
            }
        }
    }

    #[test]
    fn constants_never_change_the_sql_around_them(value in any::<String>(), name in any::<String>()) {
        let tree = |name: &str, value: &str| {
            Select::from_table("events").column(Expr::field(["properties", name])).and_where(Expr::eq(Expr::field(["properties", name]), Expr::constant(value)))
        };
        let sql = |tree: Select| print_datafusion(&resolve(tree.into(), &context()).unwrap()).sql;
        let (hostile, plain) = (sql(tree(&name, &value)), sql(tree("n", "v")));
        let quoted_name = |name: &str| name.replace('"', "\"\"");
        let expected = plain
            .replace("\"properties.n\"", &format!("\"properties.{}\"", quoted_name(&name)))
            .replace("AS \"n\"", &format!("AS \"{}\"", quoted_name(&name)))
            .replace("'v'", &format!("'{}'", value.replace('\'', "''")));
        prop_assert_eq!(hostile, expected);
    }
}

#[test]
fn nothing_that_parses_is_too_deep_to_resolve_and_print() {
    for (open, close) in [
        ("select event from (", ")"),
        ("select (", ")"),
        ("select 1 + (", ")"),
        ("select if(1, ", ", 2)"),
        ("select [", "]"),
        ("select not (", ")"),
        ("select arrayMap(x -> ", ", [1])"),
        ("select coalesce(null, ", ")"),
    ] {
        let (start, rest) = open.split_once(' ').unwrap();
        let repeats_select = open.contains("from");
        for depth in 1..130 {
            let text = match repeats_select {
                true => format!("{}select event from events{}", open.repeat(depth), close.repeat(depth)),
                false => format!("{start} {}1{}", rest.repeat(depth), close.repeat(depth)),
            };
            if let Ok(resolved) = parse(&text).map_err(|_| ()).and_then(|tree| resolve(tree, &context()).map_err(|_| ())) {
                print_datafusion(&resolved);
            }
        }
    }
}
