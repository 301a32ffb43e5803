"""The activations and what else must be known of each: the compiled engine does the rest.

========== ============================ =========================================
name       f(z)                         source
========== ============================ =========================================
identity   z
relu       max(z, 0)                    Nair & Hinton 2010
leaky_relu z if z > 0 else 0.01 z       Maas, Hannun & Ng 2013
elu        z if z > 0 else exp(z) - 1   Clevert, Unterthiner & Hochreiter 2015
gelu       z Phi(z), exact              Hendrycks & Gimpel 2016
silu       z sigmoid(z)                 Elfwing, Uchibe & Doya 2017
sigmoid    1 / (1 + exp(-z))
tanh       tanh(z)
softplus   log(1 + exp(z))              Dugas et al. 2001
softmax    exp(z) / sum exp(z)          Bridle 1990; for the last layer only
========== ============================ =========================================
"""

from ._engine.engine import ACTIVATIONS

NAMES = tuple(ACTIVATIONS)
