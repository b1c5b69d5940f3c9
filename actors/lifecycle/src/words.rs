//! The four vocabularies. Codes are part of the API and of stored conditions: never change one, add another.

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal $zh:literal $en:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All, in their order.
            pub const ALL: [$name; [$($code),*].len()] = [$($name::$variant),*];

            /// The word in JSON.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $code),* }
            }

            /// As Chinese desks call it.
            pub const fn zh(self) -> &'static str {
                match self { $($name::$variant => $zh),* }
            }

            /// As English desks call it.
            pub const fn en(self) -> &'static str {
                match self { $($name::$variant => $en),* }
            }

            /// The one with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|one| one.word() == word)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_word(&word).ok_or_else(|| serde::de::Error::custom("not a word of this vocabulary"))
            }
        }
    )*};
}
pub(crate) use words;

words! {
    /// The six stages (六阶段) of a car maker's customer. A tenant's segments name them.
    Stage {
        /// Something moves them: a touch, a look at a model.
        Demand = "demand" "需求产生" "need emerging";
        /// They compare, configure, leave their details.
        Comparison = "comparison" "产品对比" "comparing products";
        /// They drive, ask for a price, order.
        Decision = "decision" "购买决策" "purchase decision";
        /// They have the car and keep it running.
        Service = "service" "维修保养" "service and maintenance";
        /// The insurance runs out, the car grows old, they ask what it is worth.
        Renewal = "renewal" "续保置换" "renewal and trade-in";
        /// They have a car and look at the next one.
        Upgrade = "upgrade" "新产品迭代" "next product";
    }

    /// How close somebody is to the brand (AIPL).
    Aipl {
        /// Was touched.
        Aware = "aware" "认知" "aware";
        /// Looks, compares, follows.
        Interest = "interest" "兴趣" "interest";
        /// From lead to order, and owns.
        Purchase = "purchase" "购买" "purchase";
        /// Came back, bought again or brought somebody.
        Loyal = "loyal" "忠诚" "loyal";
    }

    /// The four states of a purchase, as a sales desk reads them.
    Purchase {
        /// Wants to know more.
        Interested = "interested" "有兴趣了解" "interested";
        /// Wants to buy.
        Intending = "intending" "有购买意向" "intending to buy";
        /// Left their details; somebody talks to them.
        InContact = "in_contact" "留资沟通中" "in contact";
        /// Ordered or owns.
        Purchased = "purchased" "购买" "purchased";
    }

    /// The eight phases of the life of a car (买卖用修服营改拓).
    Phase {
        /// 买: chooses and buys.
        Buy = "buy" "买" "buy";
        /// 卖: sells or trades in.
        Sell = "sell" "卖" "sell";
        /// 用: drives.
        Use = "use" "用" "use";
        /// 修: maintenance and repair.
        Repair = "repair" "修" "repair";
        /// 服: insurance, warranty, rescue.
        Serve = "serve" "服" "serve";
        /// 营: is addressed by campaigns and content.
        Operate = "operate" "营" "operate";
        /// 改: accessories, software, modification.
        Modify = "modify" "改" "modify";
        /// 拓: the next car of somebody who has one.
        Expand = "expand" "拓" "expand";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for stage in Stage::ALL {
            let json = serde_json::to_string(&stage).unwrap();
            assert_eq!(serde_json::from_str::<Stage>(&json).unwrap(), stage);
        }
        assert_eq!(Aipl::ALL.map(Aipl::word), ["aware", "interest", "purchase", "loyal"]);
        assert_eq!(Phase::ALL.map(Phase::zh).concat(), "买卖用修服营改拓");
        assert_eq!(Purchase::from_word("bought"), None);
    }
}
