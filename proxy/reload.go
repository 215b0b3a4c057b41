package proxy

import (
	"errors"
	"fmt"
	"time"
)

// reloadWait bounds how long Reload waits for the upstream to take new scripts.
const reloadWait = 5 * time.Second

var errReloadLate = errors.New("the upstream has not taken the new scripts yet; they come into use as soon as it has")

// Reload reads again what may change while the proxy runs: the certificates of
// tls:// listeners, and the scripts in scripts.dir and scripts.application_dir.
// Each of the two is taken as a whole or not at all: if anything is wrong with it
// the error says what, and what was in use stays in use. Commands that are in
// flight end under the catalogue that they began with.
func (s *Server) Reload() error {
	return errors.Join(s.reloadCertificates(), s.reloadCatalogue())
}

func (s *Server) reloadCertificates() error {
	conf, err := s.cfg.ServerTLS()
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	s.cert.Store(conf)
	return nil
}

// reloadCatalogue vets what is in the directories and changes to it. The control
// plane loads the new scripts, their marker last, before any loop hears of them.
func (s *Server) reloadCatalogue() error {
	if s.cfg.Scripts.Dir == "" && s.cfg.RawLua != "vetted" {
		return nil // nothing that could have changed
	}
	registry, err := s.cfg.catalogue(s.sources)
	if err != nil {
		return err
	}
	if registry.Same(s.table.Load().Registry) {
		return nil
	}
	done := make(chan error, 1)
	s.plane.Replace(registry, func(err error) { done <- err })
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("the upstream did not take the new scripts: %w", err)
		}
	case <-time.After(reloadWait):
		return errReloadLate
	}
	s.log.Info("catalogue reloaded", "commands", len(registry.Commands()), "application_scripts", registry.Applications())
	return nil
}
