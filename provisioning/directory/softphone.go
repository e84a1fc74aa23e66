package directory

import "naisen/provisioning"

// Softphone is the app that a name of SoftphoneLogin stands for, as long as its extension is whose it was when the app was enrolled; whether that may be
// used now is not asked.
func (s *Snapshot) Softphone(realm, login string) (extension string, key provisioning.SIPCredential, ok bool) {
	extension, id, ok := provisioning.ReadSoftphoneLogin(login)
	d := s.domains[realm]
	if !ok || d == nil {
		return "", provisioning.SIPCredential{}, false
	}
	e, there := d.extensions[extension]
	app, listed := d.softphones[extension].Of(id)
	key, ok = d.appKeys[extension][id]
	return extension, key, ok && there && listed && app.User == e.User
}

// readSoftphones reads apps and what verifies them.
func (d *domain) readSoftphones(r provisioning.Reader) (err error) {
	if d.softphones, err = readAll[provisioning.Softphones](r, d.self.Name); err != nil {
		return err
	}
	sealed, err := r.Secrets(d.self.Name, provisioning.SecretSoftphones)
	if err != nil {
		return err
	}
	d.appKeys = make(map[string]provisioning.SoftphoneKeys, len(sealed))
	for extension, b := range sealed {
		if d.appKeys[extension], err = provisioning.DecodeSoftphoneKeys(b); err != nil {
			return err
		}
	}
	return nil
}

// takeSoftphones reads the keys of an extension's apps anew.
func (e *edit) takeSoftphones(r provisioning.Reader, domain, extension string) error {
	own(e, "secret/"+provisioning.SecretSoftphones, &e.appKeys)
	delete(e.appKeys, extension)
	sealed, err := provisioning.Secret(r, domain, provisioning.SecretSoftphones, extension)
	if notFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	e.appKeys[extension], err = provisioning.DecodeSoftphoneKeys(sealed)
	return err
}
