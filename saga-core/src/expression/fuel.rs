//! What keeps one evaluation from running away: every loop and every copy is paid for.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::cel::common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, operators};
use ::cel::common::types::{CelList, CelMap, CelMapKey, CelString, DYN_TYPE, Type};
use ::cel::common::value::{CowVal, StaticVal, Val};
use ::cel::{Env, ExecutionError};

use super::limits::EXPRESSION_FUEL;

/// The variable that carries the fuel; people cannot write this name.
pub(super) const VARIABLE: &str = "@fuel";

/// The error of an evaluation that has run out.
pub(super) const EXHAUSTED: &str = "@fuel exhausted";

const RANGE: &str = "@range";
const ADD: &str = "@add";
const KEEP: &str = "@keep";
const ELEMENT_COST: u64 = 32;
const VALUE_WEIGHT: usize = 16;

static FUEL_TYPE: Type = Type::new_unspecified_type("amends.Fuel");

/// What is left for one evaluation, shared by all its scopes.
#[derive(Debug, Clone)]
pub(super) struct Fuel(Arc<AtomicU64>);

impl Fuel {
    pub(super) fn full() -> Self {
        Self(Arc::new(AtomicU64::new(EXPRESSION_FUEL)))
    }

    fn burn(&self, amount: u64) -> Result<(), ExecutionError> {
        let left = self.0.load(Ordering::Relaxed);
        let left = left
            .checked_sub(amount)
            .ok_or_else(|| ExecutionError::function_error("expression", EXHAUSTED))?;
        self.0.store(left, Ordering::Relaxed);
        Ok(())
    }
}

impl Val for Fuel {
    fn get_type(&self) -> &Type {
        &FUEL_TYPE
    }

    fn cel_type() -> &'static Type {
        &FUEL_TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

impl StaticVal for Fuel {}

/// The standard functions plus those that [`meter`] inserts.
pub(super) fn environment() -> Env {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    let declared = [
        env.add_overload(RANGE, RANGE, vec![DYN_TYPE, DYN_TYPE], range),
        env.add_overload(ADD, ADD, vec![DYN_TYPE, DYN_TYPE, DYN_TYPE], add),
        env.add_overload(KEEP, KEEP, vec![DYN_TYPE, DYN_TYPE], keep),
    ];
    debug_assert!(
        declared.iter().all(Result::is_ok),
        "`@` names cannot be taken"
    );
    env
}

/// Makes loops, additions and collected elements of a syntax tree pay.
pub(super) fn meter(expr: &mut IdedExpr) {
    match &mut expr.expr {
        Expr::Call(call) => {
            if let Some(target) = &mut call.target {
                meter(target);
            }
            call.args.iter_mut().for_each(meter);
            if call.func_name == operators::ADD && call.args.len() == 2 {
                ADD.clone_into(&mut call.func_name);
                call.args.push(fuel());
            }
        }
        Expr::Comprehension(inner) => comprehension(inner),
        Expr::List(list) => list.elements.iter_mut().for_each(meter),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    meter(&mut entry.key);
                    meter(&mut entry.value);
                }
            }
        }
        Expr::Select(select) => meter(&mut select.operand),
        Expr::Literal(_) | Expr::Ident(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

/// The evaluator appends in place where a step reads `@result + [element]`, so that shape is kept
/// and the element pays instead.
fn comprehension(inner: &mut ComprehensionExpr) {
    meter(&mut inner.iter_range);
    wrap(&mut inner.iter_range, RANGE);
    let accumulator = inner.accu_var.clone();
    let guarded = matches!(&inner.loop_step.expr, Expr::Call(call)
        if call.func_name == operators::CONDITIONAL && call.args.len() == 3);
    let step = match &mut inner.loop_step {
        IdedExpr {
            expr: Expr::Call(call),
            ..
        } if guarded => {
            meter(&mut call.args[0]);
            &mut call.args[1]
        }
        step => step,
    };
    match appended(step, &accumulator) {
        Some(element) => {
            meter(element);
            wrap(element, KEEP);
        }
        None => meter(step),
    }
}

fn appended<'e>(step: &'e mut IdedExpr, accumulator: &str) -> Option<&'e mut IdedExpr> {
    let Expr::Call(call) = &mut step.expr else {
        return None;
    };
    if call.func_name != operators::ADD {
        return None;
    }
    match call.args.as_mut_slice() {
        [
            IdedExpr {
                expr: Expr::Ident(name),
                ..
            },
            IdedExpr {
                expr: Expr::List(list),
                ..
            },
        ] if name == accumulator => list.elements.first_mut(),
        _ => None,
    }
}

fn wrap(expr: &mut IdedExpr, function: &str) {
    let inner = std::mem::take(expr);
    let id = inner.id;
    let call = CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: vec![inner, fuel()],
    };
    *expr = IdedExpr {
        id,
        expr: Expr::Call(call),
    };
}

fn fuel() -> IdedExpr {
    IdedExpr {
        id: 0,
        expr: Expr::Ident(VARIABLE.to_owned()),
    }
}

fn burn(fuel: Option<&CowVal<'_, '_>>, amount: u64) -> Result<(), ExecutionError> {
    match fuel.and_then(|fuel| fuel.downcast_ref::<Fuel>()) {
        Some(fuel) => fuel.burn(amount),
        None => Err(ExecutionError::function_error("expression", EXHAUSTED)),
    }
}

/// What a loop goes through. The keys of an object come sorted, so that nothing depends on a hash.
fn range<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let mut args = args.into_iter();
    let range = args.next().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let count = range.as_sizer().map_or(0, |sizer| *sizer.size().inner());
    let count = u64::try_from(count).unwrap_or(0);
    burn(args.next().as_ref(), count.saturating_mul(ELEMENT_COST))?;
    let Some(map) = range.downcast_ref::<CelMap<'v>>() else {
        return Ok(range);
    };
    let mut keys: Vec<CelMapKey<'v>> = map.inner().keys().cloned().collect();
    keys.sort();
    let keys: Vec<Box<dyn Val + 'v>> = keys.into_iter().map(boxed).collect();
    Ok(CowVal::owned(CelList::from(keys)))
}

fn boxed<'v>(key: CelMapKey<'v>) -> Box<dyn Val + 'v> {
    match key {
        CelMapKey::Bool(key) => Box::new(key),
        CelMapKey::Int(key) => Box::new(key),
        CelMapKey::String(key) => Box::new(key),
        CelMapKey::UInt(key) => Box::new(key),
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the evaluator calls it with a vector"
)]
fn add<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let [left, right, fuel] = args.as_slice() else {
        return Err(ExecutionError::MissingArgumentOrTarget);
    };
    let cost = weight(left.as_ref()) + weight(right.as_ref());
    burn(Some(fuel), u64::try_from(cost).unwrap_or(u64::MAX))?;
    let types = || {
        [left, right]
            .map(|side| side.get_type().name().to_owned())
            .to_vec()
    };
    let no_such = || ExecutionError::no_such_overload(operators::ADD, types());
    let sum = left.as_adder().ok_or_else(no_such)?.add(right.as_ref())?;
    Ok(CowVal::Owned(sum.into_owned()))
}

fn keep<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let mut args = args.into_iter();
    let kept = args.next().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let cost = u64::try_from(weight(kept.as_ref())).unwrap_or(u64::MAX);
    burn(args.next().as_ref(), cost)?;
    Ok(kept)
}

/// Roughly what a copy of the value costs.
fn weight(value: &dyn Val) -> usize {
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        VALUE_WEIGHT + text.inner().len()
    } else if let Some(list) = value.downcast_ref::<CelList<'_>>() {
        VALUE_WEIGHT
            + list
                .inner()
                .iter()
                .map(|element| weight(element.as_ref()))
                .sum::<usize>()
    } else if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
        let keys = map
            .inner()
            .keys()
            .map(|key| weight(key.inner()))
            .sum::<usize>();
        VALUE_WEIGHT
            + keys
            + map
                .inner()
                .values()
                .map(|value| weight(value.as_ref()))
                .sum::<usize>()
    } else {
        VALUE_WEIGHT
    }
}
