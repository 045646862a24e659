// Package legoprovider makes a [dns01.Solver] a provider of lego v4, for programs that
// use that library.
//
//	provider := legoprovider.Wrap(&dns01.Solver{Provider: api})
//	err := client.Challenge.SetDNS01Provider(provider, legodns01.WrapPreCheck(provider.PreCheck))
//
// lego's own check for a record asks the servers that the system knows before all
// others. With [Provider.PreCheck] it is the solver that looks, which knows aliases
// and zones as it was set up.
package legoprovider
