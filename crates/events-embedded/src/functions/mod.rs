//! Functions that printed queries call beside DataFusion's own.
//!
//! Calendar functions and conversions work on whole columns; the long tail goes through `hog_eval`, one row at a time.
//! All are pure, and none reaches outside of its arguments.

use datafusion::config::Dialect;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;

mod arrays;
mod cohorts;
mod conversions;
mod dates;
mod eval;
mod hashes;
mod json;
mod maps;
mod numbers;
mod sequence;
mod series;
mod texts;
mod traffic;
mod urls;
mod value;

pub use cohorts::in_cohort;

/// Adds the functions, and sets the SQL dialect in which queries are printed.
pub fn register(context: &SessionContext) {
    for function in dates::all().into_iter().chain(conversions::all()) {
        context.register_udf(function);
    }
    context.register_udf(ScalarUDF::new_from_impl(eval::Eval::new()));
    let state = context.state_ref();
    let mut state = state.write();
    let options = state.config_mut().options_mut();
    // Lambdas are not standard SQL; among the dialects that have them, this one reads quotes and backslashes as the standard does.
    options.sql_parser.dialect = Dialect::DuckDB;
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_function_that_is_printed_exists() {
        let missing: Vec<&str> = query::interpreted_functions().into_iter().filter(|name| super::eval::find(name).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
