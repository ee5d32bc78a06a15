//! The stable codes of diagnostics.

use std::fmt;
use std::str::FromStr;

/// The code of a diagnostic, for example `AM012`. Codes never change their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the table in codes.rs explains each")]
pub enum Code {
    FileTooLarge = 1,
    BadYaml = 2,
    Tab = 3,
    NotAMapping = 4,
    SeveralDocuments = 5,
    Anchor = 6,
    Tag = 7,
    TooDeep = 8,
    TooManyNodes = 9,
    DuplicateKey = 10,
    KeyNotText = 11,
    UnknownField = 12,
    MissingField = 13,
    WrongType = 14,
    YesNo = 15,
    BadSagaName = 17,
    BadVersion = 18,
    BadDuration = 19,
    OutOfRange = 20,
    BadStepId = 21,
    BadAction = 22,
    StepCount = 23,
    StepKinds = 24,
    DuplicateStep = 25,
    NotANumber = 26,
    BadElementName = 27,
    BadSignalName = 28,
    NotUtf8 = 29,
    UnknownDependency = 30,
    SelfDependency = 31,
    DuplicateDependency = 32,
    Cycle = 33,
    NotCompensable = 40,
    MissingBecause = 41,
    Inert = 42,
    CompensationAfterPivot = 43,
    SecondPivot = 44,
    UnwindAfterPivot = 45,
    BesidePivot = 46,
    PivotPassedOver = 47,
    SplitPivot = 48,
    OpenExpression = 50,
    BadExpression = 51,
    ExpressionTooLong = 52,
    ExpressionTooLarge = 53,
    ExpressionTooDeep = 54,
    NestedComprehensions = 55,
    UnknownRoot = 56,
    UnknownFunction = 57,
    BadReference = 58,
    ExpressionNotAllowed = 59,
    UnknownStep = 60,
    NotFinished = 61,
    UnknownInputField = 62,
    OnlyInput = 63,
    OptionalInput = 64,
    PerhapsNull = 65,
    TooManyExpressions = 66,
    BadSchema = 70,
    UnknownOperation = 71,
    OperationInput = 72,
    UnknownOutputField = 73,
    UnknownErrorCode = 74,
    BadOperation = 75,
    AttemptOutlivesStep = 80,
    TimeoutNeverFires = 81,
    ShrinkingBackoff = 82,
    BadJitter = 83,
    IntervalsCrossed = 84,
    DeadlineAfterLifetime = 85,
    SpanOutOfRange = 86,
    RetryNeverFires = 87,
    WaitAfterLifetime = 88,
    OutlivesConsumer = 89,
    DelayOverBroker = 90,
    AttemptsNeverCome = 91,
    LimitBehindEnd = 92,
}

impl Code {
    /// Every code, in order.
    pub const ALL: [Self; 77] = [
        Self::FileTooLarge,
        Self::BadYaml,
        Self::Tab,
        Self::NotAMapping,
        Self::SeveralDocuments,
        Self::Anchor,
        Self::Tag,
        Self::TooDeep,
        Self::TooManyNodes,
        Self::DuplicateKey,
        Self::KeyNotText,
        Self::UnknownField,
        Self::MissingField,
        Self::WrongType,
        Self::YesNo,
        Self::BadSagaName,
        Self::BadVersion,
        Self::BadDuration,
        Self::OutOfRange,
        Self::BadStepId,
        Self::BadAction,
        Self::StepCount,
        Self::StepKinds,
        Self::DuplicateStep,
        Self::NotANumber,
        Self::BadElementName,
        Self::BadSignalName,
        Self::NotUtf8,
        Self::UnknownDependency,
        Self::SelfDependency,
        Self::DuplicateDependency,
        Self::Cycle,
        Self::NotCompensable,
        Self::MissingBecause,
        Self::Inert,
        Self::CompensationAfterPivot,
        Self::SecondPivot,
        Self::UnwindAfterPivot,
        Self::BesidePivot,
        Self::PivotPassedOver,
        Self::SplitPivot,
        Self::OpenExpression,
        Self::BadExpression,
        Self::ExpressionTooLong,
        Self::ExpressionTooLarge,
        Self::ExpressionTooDeep,
        Self::NestedComprehensions,
        Self::UnknownRoot,
        Self::UnknownFunction,
        Self::BadReference,
        Self::ExpressionNotAllowed,
        Self::UnknownStep,
        Self::NotFinished,
        Self::UnknownInputField,
        Self::OnlyInput,
        Self::OptionalInput,
        Self::PerhapsNull,
        Self::TooManyExpressions,
        Self::BadSchema,
        Self::UnknownOperation,
        Self::OperationInput,
        Self::UnknownOutputField,
        Self::UnknownErrorCode,
        Self::BadOperation,
        Self::AttemptOutlivesStep,
        Self::TimeoutNeverFires,
        Self::ShrinkingBackoff,
        Self::BadJitter,
        Self::IntervalsCrossed,
        Self::DeadlineAfterLifetime,
        Self::SpanOutOfRange,
        Self::RetryNeverFires,
        Self::WaitAfterLifetime,
        Self::OutlivesConsumer,
        Self::DelayOverBroker,
        Self::AttemptsNeverCome,
        Self::LimitBehindEnd,
    ];
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AM{:03}", *self as u16)
    }
}

/// The text is no code of a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a code of a diagnostic; codes read AM012")]
pub struct UnknownCode(String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL
            .into_iter()
            .find(|code| code.to_string().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| UnknownCode(text.to_owned()))
    }
}
