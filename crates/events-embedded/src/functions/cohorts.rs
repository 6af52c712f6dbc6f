//! `hog_in_cohort(person, cohort)`: made for one query, with the members of the cohorts that it names.

use crate::dimensions::Members;
use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use uuid::Uuid;

pub fn in_cohort(members: Vec<(i64, Members)>) -> ScalarUDF {
    ScalarUDF::new_from_impl(InCohort { members, signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug)]
struct InCohort {
    members: Vec<(i64, Members)>,
    signature: Signature,
}

impl InCohort {
    fn cohorts(&self) -> impl Iterator<Item = i64> {
        self.members.iter().map(|(cohort, _)| *cohort)
    }
}

/// One query has one such function.
impl PartialEq for InCohort {
    fn eq(&self, other: &Self) -> bool {
        self.cohorts().eq(other.cohorts())
    }
}

impl Eq for InCohort {}

impl Hash for InCohort {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cohorts().for_each(|cohort| cohort.hash(state));
    }
}

impl ScalarUDFImpl for InCohort {
    fn name(&self) -> &str {
        "hog_in_cohort"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [persons, ColumnarValue::Scalar(ScalarValue::Int64(Some(cohort)))] = &args.args[..] else {
            return exec_err!("hog_in_cohort takes a person and the id of a cohort");
        };
        let Some((_, members)) = self.members.iter().find(|(known, _)| known == cohort) else {
            return exec_err!("hog_in_cohort does not know cohort {cohort}");
        };
        let found = match persons {
            ColumnarValue::Array(persons) => found(persons, members)?,
            ColumnarValue::Scalar(person) => found(&person.to_array()?, members)?,
        };
        Ok(match persons {
            ColumnarValue::Array(_) => ColumnarValue::Array(Arc::new(found)),
            ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::Boolean(Some(found.value(0)))),
        })
    }
}

/// Never NULL: what is no person is in no cohort.
fn found(persons: &ArrayRef, members: &Members) -> Result<BooleanArray> {
    let texts = cast(persons, &DataType::Utf8)?;
    let is_member = |text: Option<&str>| text.and_then(|text| Uuid::try_parse(text).ok()).is_some_and(|person| members.contains(&person));
    Ok(texts.as_string::<i32>().iter().map(|text| Some(is_member(text))).collect())
}
