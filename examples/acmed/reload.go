package main

import (
	"context"
	"fmt"
	"reflect"
)

// reload brings another configuration into force, all of it or nothing.
func (k *keeper) reload(ctx context.Context, next *config) error {
	old := k.current()
	if keys := old.changed(&next.Settings); len(keys) > 0 {
		return fmt.Errorf("these need a restart: %v", keys)
	}
	if !reflect.DeepEqual(old.DNSSettings, next.DNSSettings) {
		if err := k.solver.set(&next.DNSSettings); err != nil {
			return err
		}
	}
	k.mu.Lock()
	k.config = next
	k.mu.Unlock()
	for i := range old.Certificates {
		was := &old.Certificates[i]
		if now, ok := next.certificate(was.Name); !ok || now.Account != was.Account {
			k.managers[was.Account].Remove(was.Name)
		}
	}
	for i := range next.Certificates {
		cert := &next.Certificates[i]
		was, ok := old.certificate(cert.Name)
		if ok && reflect.DeepEqual(was, cert) {
			continue
		}
		// What was checked is not refused.
		if err := k.managers[cert.Account].Add(cert.Name, next.request(cert)); err != nil {
			k.log.Error("a certificate is not looked after", "certificate", cert.Name, "err", err)
		}
		k.deploys.check(ctx, cert.Name)
	}
	return nil
}
