//! The steps of the machine, and what each means in the four vocabularies: the mapping between them is this table.

use crate::words::words;
use crate::{Aipl, Phase, Purchase, Region, Stage};

words! {
    /// Where somebody stands on one side of their life with cars. In the intent a later step is closer to a purchase.
    Step {
        /// The lead was lost; nothing has happened since.
        Lost = "lost" "已战败" "lost";
        /// Was touched.
        Touched = "touched" "已触达" "touched";
        /// Looked at a model.
        Viewed = "viewed" "看过车型" "has looked";
        /// Compares.
        Comparing = "comparing" "对比中" "comparing";
        /// Left details.
        Lead = "lead" "已留资" "lead";
        /// Drove, was offered a price.
        Negotiating = "negotiating" "洽谈中" "negotiating";
        /// Ordered.
        Ordered = "ordered" "已下订" "ordered";
        /// Has a car.
        Owning = "owning" "用车中" "owning";
        /// Bought once more.
        Rebought = "rebought" "再购" "bought again";
        /// Was in the workshop.
        Serviced = "serviced" "已保养" "serviced";
        /// Comes to the workshop again.
        Returning = "returning" "多次回厂" "returning for service";
        /// Buys accessories or features.
        Personalising = "personalising" "精品改装" "personalising";
        /// Insurance, warranty or age call for a decision.
        Renewing = "renewing" "待续保" "due for renewal";
        /// Asks what the car is worth.
        Trading = "trading" "置换中" "trading in";
    }
}

/// One row of the mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StepSpec {
    /// Which.
    pub step: Step,
    /// Which side it belongs to.
    pub region: Region,
    /// The stage.
    pub stage: Stage,
    /// The AIPL level; what [`crate::LOYAL`] says may raise it.
    pub aipl: Aipl,
    /// The state of the purchase; `None` = none yet.
    pub purchase: Option<Purchase>,
    /// The phase of the car's life.
    pub phase: Phase,
    /// What the intent means for somebody who has a car: its stage and phase; `None` = the car they have counts.
    pub as_owner: Option<(Stage, Phase)>,
}

const fn row(
    step: Step,
    region: Region,
    stage: Stage,
    aipl: Aipl,
    purchase: Option<Purchase>,
    phase: Phase,
    as_owner: Option<(Stage, Phase)>,
) -> StepSpec {
    StepSpec { step, region, stage, aipl, purchase, phase, as_owner }
}

/// The table of steps, in the order of [`Step::ALL`].
pub const STEPS: [StepSpec; Step::ALL.len()] = {
    use Aipl::{Aware, Interest, Purchase as Buys};
    use Purchase::{InContact, Intending, Interested, Purchased};
    use Region::{Home, Intent};
    use Stage::{Comparison, Decision, Demand, Renewal, Service, Upgrade};
    [
        row(Step::Lost, Intent, Demand, Interest, Some(Interested), Phase::Operate, None),
        row(Step::Touched, Intent, Demand, Aware, None, Phase::Operate, None),
        row(Step::Viewed, Intent, Demand, Interest, Some(Interested), Phase::Buy, None),
        row(Step::Comparing, Intent, Comparison, Interest, Some(Intending), Phase::Buy, Some((Upgrade, Phase::Expand))),
        row(Step::Lead, Intent, Comparison, Buys, Some(InContact), Phase::Buy, Some((Comparison, Phase::Buy))),
        row(Step::Negotiating, Intent, Decision, Buys, Some(InContact), Phase::Buy, Some((Decision, Phase::Buy))),
        row(Step::Ordered, Intent, Decision, Buys, Some(Purchased), Phase::Buy, Some((Decision, Phase::Buy))),
        row(Step::Owning, Home, Service, Buys, Some(Purchased), Phase::Use, None),
        row(Step::Rebought, Home, Service, Buys, Some(Purchased), Phase::Use, None),
        row(Step::Serviced, Home, Service, Buys, Some(Purchased), Phase::Repair, None),
        row(Step::Returning, Home, Service, Buys, Some(Purchased), Phase::Repair, None),
        row(Step::Personalising, Home, Service, Buys, Some(Purchased), Phase::Modify, None),
        row(Step::Renewing, Home, Renewal, Buys, Some(Purchased), Phase::Serve, None),
        row(Step::Trading, Home, Renewal, Buys, Some(Intending), Phase::Sell, None),
    ]
};

impl Step {
    /// Its row of the table.
    pub const fn spec(self) -> &'static StepSpec {
        &STEPS[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_in_order_and_every_word_of_the_four_is_some_step() {
        for (spec, step) in STEPS.iter().zip(Step::ALL) {
            assert_eq!(spec.step, step);
            assert_eq!(spec.region == Region::Intent, step <= Step::Ordered, "{step:?}");
        }
        let stages: BTreeSet<Stage> =
            STEPS.iter().flat_map(|spec| [Some(spec.stage), spec.as_owner.map(|(stage, _)| stage)]).flatten().collect();
        assert_eq!(stages.len(), Stage::ALL.len());
        let phases: BTreeSet<Phase> =
            STEPS.iter().flat_map(|spec| [Some(spec.phase), spec.as_owner.map(|(_, phase)| phase)]).flatten().collect();
        assert_eq!(phases.len(), Phase::ALL.len());
        let states: BTreeSet<Purchase> = STEPS.iter().filter_map(|spec| spec.purchase).collect();
        assert_eq!(states.len(), Purchase::ALL.len());
    }
}
