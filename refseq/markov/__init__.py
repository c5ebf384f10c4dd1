"""Models of sequences beside recurrent networks (L2.1).

hmm             hidden Markov model: forward-backward, Viterbi, gradient of the log-likelihood
baum_welch      a step of EM for one
autoregressive  linear autoregressive model AR(tau): fit, log-likelihood, gradient, forecast
ngram           Markov chain of order tau over symbols: counts, smoothing, log-likelihood
"""

from refseq.markov.autoregressive import Autoregressive, autoregressive
from refseq.markov.baum_welch import baum_welch
from refseq.markov.hmm import HMM, HMMGradients, HMMRun, hmm
from refseq.markov.ngram import NGram, ngram

__all__ = [
    "HMM",
    "Autoregressive",
    "HMMGradients",
    "HMMRun",
    "NGram",
    "autoregressive",
    "baum_welch",
    "hmm",
    "ngram",
]
