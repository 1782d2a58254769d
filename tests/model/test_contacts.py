import dataclasses

import pytest

from biomech.model.contacts import Contacts
from biomech.model.names import BadInput


def test_no_contacts():
    contacts = Contacts.none()
    assert contacts.names == ()
    assert contacts.location.shape == (0, 3)


def test_sizes_must_agree_with_names():
    with pytest.raises(BadInput, match="got 1 names but 0 values of `stiffness`"):
        dataclasses.replace(Contacts.none(), names=("heel_r",), bodies=(0,))
