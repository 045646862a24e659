// Package rotate decides when DNSSEC keys of a zone come and go. It is a pure
// function: what is known, what is wanted, what was observed and the time go in;
// the next state, what is to be done, and words for people come out. It reads no
// clock, no file and no network.
//
//	next, actions, status, err := rotate.Step(state, policy, facts, now)
//
// Its nouns:
//
//   - [State] is all that is remembered of a zone, as versioned JSON: its keys,
//     and where each of their records is.
//   - [Policy] is what the operator wants: scheme, algorithm, lifetimes, TTLs and
//     how long it takes until a change is everywhere.
//   - [Facts] are observations: what the zone's name servers serve, which DS
//     every name server of the parent has, keys that were generated.
//   - [Action] is something to do: generate a key, publish this DNSKEY RRset,
//     sign the zone with these keys, ask the parent for that DS RRset.
//   - [Status] says who is waited for, since when, until when, and which DS
//     somebody must add or remove.
//
// # Records and their states
//
// A key consists of up to four records: its DNSKEY, its signature of the DNSKEY
// RRset (KRRSIG), its signatures of all else (ZRRSIG) and its DS at the parent.
// Each is [Hidden] (in no cache), [Rumoured] (in some), [Omnipresent] (wherever
// the RRset is cached at all) or [Unretentive] (withdrawn, perhaps still in some).
// This is the model of "Flexible and Robust Key Rollover in DNSSEC" (Mekking,
// Schaeffer et al.), with the intervals of RFC 7583.
//
// The uncertain states, Rumoured and Unretentive, begin when something is
// ordered. The certain ones are reached when the facts have shown it everywhere,
// or nowhere, and the longest TTL that anybody can have cached has passed since.
// No timer alone confirms anything.
//
// # Rules
//
// Three rules are checked before and after every change ([Rule]): there is a DS;
// every cached DS leads to a cached DNSKEY RRset; every cached DNSKEY RRset has
// signatures that it verifies. What would break one is not done; [State.Try]
// returns a [*RuleError] for it. All procedures (first signing, rolls of keys and
// of algorithms, another scheme, going insecure) come out of the same loop: keys
// get a purpose ([Use]), and each record goes there as soon as the rules let it.
//
// # What the caller must do
//
// Store the state before carrying out its actions. Apply each action as a whole:
// [SetDNSKEY] is one RRset in one version of the zone. Call Step with fresh
// facts whenever something was published and at [Status].NextAt. An action is
// repeated until the facts show it, and doing one twice is harmless.
package rotate
