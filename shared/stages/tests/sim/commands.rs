//! What people ask of Lethe: they tell that tokens were read, end them, hold and release them, and learn what came of it.

use std::time::Duration;

use lethe_domain::policy::Trigger;
use lethe_domain::subject::SubjectKey;
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_domain::token::{ShardCount, TenantId};
use lethe_stages::intake::{Answer, Caller, Sender};
use lethe_testkit::{APP, SHARDS};
use serde_json::{Value, json};

use crate::deployment::Work;
use crate::post::Parcel;
use crate::settled::SECRETS;
use crate::story::Story;
use crate::truth::{Ending, Known};

/// What a command said, to be understood when its answer comes.
#[derive(Clone, Debug)]
pub enum Said {
    Read { slots: Vec<usize>, happened_at: EpochSeconds },
    End { slots: Vec<usize>, trigger: Trigger },
    Hold { slots: Vec<usize>, subject: Option<(TenantId, String)>, id: String },
    Other,
}

impl Story<'_> {
    pub fn read(&mut self, slot: usize) {
        let now = self.now();
        let earlier = now.minus(self.dice.minutes(0, 10));
        let at = self.dice.pick(&[None, Some(now), Some(earlier), Some(now.plus(Duration::from_mins(4)))]);
        let body = at.map_or(json!({}), |at| json!({ "at": at.0 }));
        let said = Said::Read { slots: vec![slot], happened_at: at.unwrap_or(now).min(now) };
        self.command(slot, "read", &body, said);
    }

    pub fn end(&mut self, slot: usize) {
        let known = &self.truth.tokens[slot];
        if known.kind == "vault" || self.dice.chance(400) {
            return self.revoke(slot);
        }
        let tenant = known.key.tenant.clone();
        let of_subject = |known: &Known| known.kind == "session" && known.key.tenant == tenant;
        let tokens = self.truth.tokens.iter().enumerate();
        let slots = tokens.filter(|(_, known)| of_subject(known)).map(|(slot, _)| slot).collect();
        let said = Said::End { slots, trigger: Trigger::Logout };
        self.say(&tenant, "logout", &json!({ "subject": SECRETS[0], "everywhere": true }), said);
    }

    pub fn revoke(&mut self, slot: usize) {
        let said = Said::End { slots: vec![slot], trigger: Trigger::Revoked };
        self.command(slot, "revoked", &json!({}), said);
    }

    pub fn hold(&mut self, slot: usize) {
        self.people.n_made += 1;
        let id = format!("case-{}", self.people.n_made);
        let known = &self.truth.tokens[slot];
        let tenant = known.key.tenant.clone();
        let (target, slots, subject) = match &known.subject {
            Some(subject) if self.dice.chance(500) => {
                (json!({ "subject": subject }), Vec::new(), Some((tenant.clone(), subject.clone())))
            }
            Some(_) | None => (json!({ "tokens": [known.key.token.expose()] }), vec![slot], None),
        };
        self.people.holds.push((tenant.clone(), target.clone(), id.clone()));
        let body = merged(&target, &json!({ "hold_id": id }));
        self.say(&tenant, "hold", &body, Said::Hold { slots, subject, id });
    }

    /// Releases a hold. From the moment it is sent on nobody can count on the hold.
    pub fn release(&mut self) {
        if self.people.holds.is_empty() {
            return;
        }
        let at = self.dice.place(self.people.holds.len());
        let (tenant, target, id) = self.people.holds.swap_remove(at);
        for known in &mut self.truth.tokens {
            known.holds.remove(&id);
        }
        for holds in self.truth.subject_holds.values_mut() {
            holds.remove(&id);
        }
        self.say(&tenant, "release", &merged(&target, &json!({ "hold_id": id })), Said::Other);
    }

    pub fn release_everything(&mut self) {
        while !self.people.holds.is_empty() {
            self.release();
        }
    }

    /// Releases once more what stands though it was released: the message of the hold came again after the release.
    pub fn release_again(&mut self) {
        let vault = &self.deployment.cloud.vault;
        let rows = vault.rows().into_values();
        let mut standing: Vec<(TenantId, Value, String)> = rows
            .filter_map(|row| {
                let target = json!({ "tokens": [row.key.token.expose()] });
                Some((row.key.tenant.clone(), target, row.hold?))
            })
            .collect();
        for tenant in &self.setting.tenants {
            let key = SubjectKey::new(tenant, SECRETS[0], ShardCount::new(SHARDS).unwrap());
            let hold = vault.subject_row(&key).and_then(|row| row.hold);
            standing.extend(hold.map(|hold| (tenant.clone(), json!({ "subject": SECRETS[0] }), hold)));
        }
        for (tenant, target, holds) in standing {
            for id in holds.split_whitespace() {
                let is_wanted = self.people.holds.iter().any(|(_, _, wanted)| wanted == id);
                if !is_wanted {
                    self.tally.count("released again");
                    self.say(&tenant, "release", &merged(&target, &json!({ "hold_id": id })), Said::Other);
                }
            }
        }
    }

    pub fn command(&mut self, slot: usize, command: &str, body: &Value, said: Said) {
        let known = &self.truth.tokens[slot];
        let (tenant, tokens) = (known.key.tenant.clone(), json!({ "tokens": [known.key.token.expose()] }));
        self.say(&tenant, command, &merged(body, &tokens), said);
    }

    fn say(&mut self, tenant: &TenantId, command: &str, body: &Value, mut said: Said) {
        let number = self.people.said.len();
        self.note(|| format!("command {number}: {command} {said:?}"));
        let now = self.deployment.cloud.clock.millis();
        let sent_at = EpochMillis(now.0 + self.dice.pick(&[0, 0, -120_000, 120_000]));
        if let Said::End { slots, trigger } = &mut said {
            if *trigger == Trigger::Logout {
                self.people.logouts.push((tenant.clone(), sent_at));
            }
            for slot in slots.iter() {
                self.truth.tokens[*slot].endings.push(Ending { trigger: *trigger, is_taken: false });
            }
            // What was issued after the command was sent, by its sender's clock, is not meant.
            slots.retain(|slot| self.truth.tokens[*slot].issued.last() <= Some(&sent_at));
        }
        self.people.said.push(said);
        let mut head = json!({ "v": 1, "tenant": tenant.as_str(), "command": command });
        if self.dice.chance(500) {
            head = merged(&head, &json!({ "idempotency_key": format!("key-{number}") }));
        }
        let caller = Caller { id: format!("c-{number}"), sender: Sender::Principal(APP.to_owned()), sent_at };
        let work = Work::Command(number, merged(&head, body).to_string(), caller);
        let late = if self.dice.chance(200) { self.dice.minutes(1, 90) } else { Duration::ZERO };
        let parcel = Parcel::certain(work, self.now().plus(late));
        self.post.add(parcel);
    }

    /// What a sender knows once the answer is there.
    pub fn answered(&mut self, number: usize, answer: &Answer) {
        let results = answer.body.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
        let word = |at: usize, name: &str| -> Option<String> {
            Some(results.get(at)?.get(name)?.as_str()?.to_owned())
        };
        let said = self.people.said[number].clone();
        self.note(|| format!("answer to command {number}: {} {}", answer.status, answer.body));
        if !matches!(answer.status, 200 | 202 | 207) {
            return;
        }
        match said {
            Said::Read { slots, happened_at } => {
                for (at, slot) in slots.into_iter().enumerate() {
                    let result = word(at, "result");
                    let is_known = word(at, "why").as_deref() == Some("already_done");
                    if is_known || matches!(result.as_deref(), Some("stamped" | "reinstated")) {
                        self.truth.tokens[slot].reads.push(happened_at);
                    }
                    self.tally.count(if result.as_deref() == Some("reinstated") {
                        "revived by a read"
                    } else {
                        "read"
                    });
                }
            }
            Said::End { slots, trigger } => {
                for (at, slot) in slots.into_iter().enumerate() {
                    let is_ended = results.is_empty() || word(at, "result").as_deref() == Some("ended");
                    let orders = self.truth.tokens[slot].endings.iter_mut();
                    for order in orders.filter(|order| order.trigger == trigger && is_ended) {
                        order.is_taken = true;
                    }
                    self.tally.count("ended by a command");
                }
            }
            Said::Hold { slots, subject, id } => {
                let stands = word(0, "result").as_deref() == Some("held")
                    || word(0, "why").as_deref() == Some("already_done");
                if results.is_empty() || stands {
                    self.is_held(slots, subject, &id);
                }
            }
            Said::Other => {}
        }
    }

    fn is_held(&mut self, slots: Vec<usize>, subject: Option<(TenantId, String)>, id: &str) {
        // A hold that was released before its answer came is not counted on.
        if !self.people.holds.iter().any(|(_, _, of)| of == id) {
            return;
        }
        self.tally.count("held");
        for slot in slots {
            self.truth.tokens[slot].holds.insert(id.to_owned());
        }
        if let Some(subject) = subject {
            self.truth.subject_holds.entry(subject).or_default().insert(id.to_owned());
        }
    }
}

fn merged(a: &Value, b: &Value) -> Value {
    let entries = [a, b].into_iter().filter_map(Value::as_object).flatten();
    Value::Object(entries.map(|(name, value)| (name.clone(), value.clone())).collect())
}
