//! Finds the provider and the model that an id refers to.

use std::sync::Arc;

use super::{ChooseError, ChosenModel, Providers};
use crate::catalogue::{self, Model};
use crate::registration::Registration;

/// Maximum length of a model's id, in characters.
const MAX_ID_CHARS: usize = 200;

impl Providers {
    /// The model with this id, with or without its provider's name as a prefix; without an id, the
    /// default model.
    pub fn choose(&self, id: Option<&str>) -> Result<ChosenModel, ChooseError> {
        let id = id.unwrap_or(&self.inner.default_model);
        let known = self.find(id);
        if let Some(model) = &known
            && let Some(registration) = self.who_runs(model)
        {
            return self
                .chosen(registration, &model.id, Some(model.clone()))
                .ok_or_else(|| ChooseError::NotConfigured { model: id.to_owned() });
        }
        let is_current = known.as_ref().is_some_and(|model| !model.is_gone(self.today()));
        match self.place(id) {
            Some((registration, own_id)) => self
                .chosen(registration, own_id, known)
                .ok_or_else(|| ChooseError::NotConfigured { model: id.to_owned() }),
            None if is_current => Err(ChooseError::NotConfigured { model: id.to_owned() }),
            None => {
                let offered = self.list().into_iter().map(|listed| listed.model.qualified_id());
                let similar = catalogue::close_matches(id, offered);
                Err(ChooseError::Unknown { model: id.to_owned(), similar })
            }
        }
    }

    /// What is known about a model: from its provider's list, else from the catalogue.
    fn find(&self, id: &str) -> Option<Arc<Model>> {
        let known = catalogue::find(id);
        let discovered = self.inner.registrations.iter().find_map(|registration| {
            let is_its_own = known.is_none_or(|known| known.provider == registration.name);
            let own_id = registration.own_id(id).filter(|_| is_its_own)?;
            registration.configured.as_ref()?.models.find(own_id)
        });
        discovered.or_else(|| known.cloned())
    }

    /// The provider of a known model, if it is configured. Vendors no longer run retired models.
    fn who_runs(&self, model: &Model) -> Option<&Registration> {
        let registration = self.registration(&model.provider)?;
        let capabilities = registration.configured.as_ref()?.provider.capabilities();
        let is_retired = capabilities.is_vendor && model.is_gone(self.today());
        (!is_retired).then_some(registration)
    }

    /// The provider of a model that is neither in the catalogue nor in a list, and the provider's own
    /// id of it.
    fn place<'a>(&self, id: &'a str) -> Option<(&Registration, &'a str)> {
        let placed = self.place_qualified(id);
        let placed = placed.or_else(|| Some((self.place_unqualified(id)?, id)));
        placed.filter(|(registration, own_id)| {
            !own_id.trim().is_empty() && is_storable(&registration.public_id(own_id))
        })
    }

    /// The provider named in the id. A name that is neither configured nor in the catalogue may be
    /// part of an id of a server of the operator's own.
    fn place_qualified<'a>(&self, id: &'a str) -> Option<(&Registration, &'a str)> {
        let (name, own_id) = id.split_once('/')?;
        let mut registrations = self.inner.registrations.iter();
        let registration = registrations.find(|registration| registration.name.as_str() == name)?;
        let is_meant = registration.configured.is_some()
            || catalogue::has_models_for(&registration.name)
            || !self.unqualified().any(Registration::is_custom);
        (is_meant && registration.accepts_unlisted_models()).then_some((registration, own_id))
    }

    /// The provider of an id without a name: the one with a matching prefix, else a server of the
    /// operator's own, which may offer any model. A vendor receives an unknown id only from the
    /// settings.
    fn place_unqualified(&self, id: &str) -> Option<&Registration> {
        let is_from_settings = self.is_named_by_settings(id);
        let is_prefixed = self.inner.registrations.iter().any(|it| it.owns_prefix(id));
        let by_prefix = self.inner.registrations.iter().find(|it| {
            it.owns_prefix(id) && it.configured.is_some() && (is_from_settings || it.is_custom())
        });
        by_prefix
            .or_else(|| self.unqualified().find(|it| it.is_custom() && it.model_prefix.is_none()))
            .or_else(|| self.unqualified().next().filter(|_| is_from_settings && !is_prefixed))
            .or_else(|| self.unqualified().find(|it| it.is_custom()))
    }

    /// The providers whose models need no prefix.
    fn unqualified(&self) -> impl Iterator<Item = &Registration> {
        self.inner.registrations.iter().filter(|registration| !registration.is_qualified)
    }

    fn chosen(
        &self,
        registration: &Registration,
        own_id: &str,
        known: Option<Arc<Model>>,
    ) -> Option<ChosenModel> {
        let provider = registration.configured.as_ref()?.provider.clone();
        let id = registration.public_id(own_id);
        let of_operator = self.operators_prices([&format!("{}/{own_id}", registration.name), &id]);
        let prices = of_operator.or_else(|| known.as_ref()?.prices());
        Some(ChosenModel {
            id,
            provider,
            own_id: own_id.to_owned(),
            known,
            prices: prices.map(Arc::new),
        })
    }
}

/// Whether the database accepts this id.
fn is_storable(id: &str) -> bool {
    id.chars().count() <= MAX_ID_CHARS && !id.contains(char::is_control)
}
