(** What a norm proves about vanishing and exploding gradients, and the path on which nothing vanishes. *)
From mathcomp Require Import all_ssreflect all_algebra.
From Refseq Require Import Linear DoubleSum.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import Order.TTheory GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section Gamma.

Variables (F : realDomainType) (n m p : nat) (S : steps F n m p).

(** Any norm of matrices for which the norm of a product is at most the product of the norms, such as the spectral norm,
    the maximal row sum and the Frobenius norm. *)
Variable norm : 'M[F]_n -> F.
Hypothesis norm_ge0 : forall M, 0 <= norm M.
Hypothesis norm_mul : forall M N, norm (M *m N) <= norm M * norm N.

(** The gamma bound (L4.5): if no Jacobian on the way has a norm above gamma, the derivative of the state before step
    t + j with respect to that before step t has a norm of at most gamma^j (times the norm of 1, which is 1 for an
    induced norm). For gamma < 1 that is vanishing; for gamma > 1 nothing follows.
    Code: refseq/dynamics/bounds.py Gamma.bound, gamma, gamma_bound; refseq/checks/properties/balance.py vanishing_bound
    Scope: every ordered integral domain, every submultiplicative norm, state size n, distance j *)
Theorem gamma_bound gamma t j : (forall i, (t <= i < t + j)%N -> norm (A S i) <= gamma) ->
  norm (transition S j t) <= norm 1%:M * gamma ^+ j.
Proof.
elim: j t => [|j IH] t small /=; first by rewrite expr0 mulr1.
apply: le_trans (norm_mul _ _) _; rewrite exprSr mulrA; apply: ler_pmul => //.
  by apply: IH => i /andP[ti ij]; apply: small; rewrite ltnW //= -addSnnS.
by apply: small; rewrite leqnn -[X in (X < _)%N]addn0 ltn_add2l.
Qed.

(** For an Elman network, A_t = diag(f'(z_t)) W_hh: a bound of the norms of the slopes, times the norm of W_hh, is such a
    gamma, good for every run.
    Code: refseq/dynamics/bounds.py gamma_bound
    Scope: every ordered integral domain, every submultiplicative norm, state size n, distance j *)
Theorem elman_gamma_bound slopes W steepest t j :
  (forall i, A S i = diag_mx (slopes i) *m W) -> (forall i, norm (diag_mx (slopes i)) <= steepest) ->
  norm (transition S j t) <= norm 1%:M * (steepest * norm W) ^+ j.
Proof.
move=> elman small; apply: gamma_bound => i _; rewrite elman; apply: le_trans (norm_mul _ _) _.
by rewrite ler_wpmul2r.
Qed.

End Gamma.

Section RowSums.

Variables (F : realDomainType) (n : nat).

(** The largest sum of absolute values in a row. *)
Definition row_sums (M : 'M[F]_n) : F := \big[Num.max/0]_i \sum_j `|M i j|.

Lemma le_largest (I : eqType) (s : seq I) (f : I -> F) i : i \in s -> f i <= \big[Num.max/0]_(j <- s) f j.
Proof.
elim: s => // j s IH; rewrite inE big_cons le_maxr => /orP[/eqP <-|/IH ->]; first by rewrite lexx.
by rewrite orbT.
Qed.

Lemma row_le (U : 'M[F]_n) i : \sum_j `|U i j| <= row_sums U.
Proof. by apply: (le_largest (fun i => \sum_j `|U i j|)); rewrite mem_index_enum. Qed.

Lemma row_sums_ge0 (U : 'M[F]_n) : 0 <= row_sums U.
Proof. by apply: (big_ind (fun x => 0 <= x)) => // [x y x_ge0 _|i _]; rewrite ?le_maxr ?x_ge0 // sumr_ge0. Qed.

(** There are such norms: this one.
    Code: refseq/dynamics/bounds.py Gamma.bound
    Scope: every ordered integral domain, state size n *)
Theorem row_sums_is_submultiplicative M N : 0 <= row_sums M /\ row_sums (M *m N) <= row_sums M * row_sums N.
Proof.
split; first exact: row_sums_ge0.
rewrite {1}/row_sums; apply: (big_ind (fun x => x <= row_sums M * row_sums N)) => [|x y|i _].
- by rewrite mulr_ge0 ?row_sums_ge0.
- by move=> ? ?; rewrite le_maxl; apply/andP.
apply: le_trans (ler_wpmul2r (row_sums_ge0 N) (row_le M i)); rewrite mulr_suml.
apply: (@le_trans _ _ (\sum_j \sum_k `|M i k| * `|N k j|)).
  apply: ler_sum => j _; rewrite mxE; apply: le_trans (ler_norm_sum _ _ _) _.
  by apply: ler_sum => k _; rewrite normrM.
rewrite exchange_big /=; apply: ler_sum => k _.
by rewrite -mulr_sumr ler_wpmul2l // row_le.
Qed.

End RowSums.

(** The other half is no theorem: this matrix has an entry, hence a norm, above 1, and its square is 0.
    Code: refseq/dynamics/bounds.py Gamma.vanishing
    Scope: every ring, and every number a *)
Theorem gamma_above_1_does_not_explode (R : ringType) (a : R) (M : 'M[R]_2) :
  M = \matrix_(i, j) (if (i == 0) && (j == 1) then a else 0) -> M *m M = 0.
Proof.
move=> ->; apply/matrixP => i j; rewrite !mxE big1 // => k _; rewrite !mxE.
by case: andP => [[_ /eqP ->]|_]; rewrite ?mul0r // mulr0.
Qed.

Section Carousel.

Variables (R : comRingType) (n : nat) (f i g : nat -> 'rV[R]_n).

(** The memory of an LSTM whose gates are given: c_t = f_t c_(t-1) + i_t g_t, unit by unit. *)
Fixpoint memory (c0 : 'rV[R]_n) t : 'rV_n :=
  if t is t'.+1 then \row_j (f t' 0 j * memory c0 t' 0 j + i t' 0 j * g t' 0 j) else c0.

(** The direct path through the memory multiplies by the forget gates and by nothing else: a change d of c_0 changes c_T
    by the product of the gates times d.
    Code: refseq/cells/lstm_memory.py remember
    Scope: every commutative ring, number of units, length T *)
Theorem memory_path c0 d T :
  memory (c0 + d) T = memory c0 T + \row_j ((\prod_(t < T) f t 0 j) * d 0 j).
Proof.
elim: T => [|T IH] /=; first by congr (_ + _); apply/rowP => j; rewrite !mxE big_ord0 mul1r.
apply/rowP => j; rewrite !mxE IH !mxE big_ord_recr /= mulrDr mulrA addrAC; congr (_ + _ * _).
by rewrite mulrC.
Qed.

(** Constant error carousel: with forget gates 1 (the first LSTM has no others) dc_T / dc_0 = 1, whatever T.
    Code: refseq/cells/lstm_memory.py no_forget; refseq/checks/properties/gates.py memory_is_held
    Scope: every commutative ring, number of units, length T *)
Theorem constant_error_carousel c0 d T : (forall t, f t = const_mx 1) -> memory (c0 + d) T = memory c0 T + d.
Proof.
move=> open; rewrite memory_path; congr (_ + _); apply/rowP => j.
by rewrite !mxE big1 ?mul1r // => t _; rewrite open mxE.
Qed.

(** With f = 1 and i = 0 the memory is held; with f = 0 and i = 1 it is replaced by g (L4.12).
    Code: refseq/checks/properties/gates.py memory_is_held, memory_is_forgotten
    Scope: every commutative ring, number of units, length T *)
Theorem memory_held_or_replaced c0 T :
  ((forall t, f t = const_mx 1 /\ i t = 0) -> memory c0 T = c0)
  /\ ((forall t, f t = 0 /\ i t = const_mx 1) -> memory c0 T.+1 = g T).
Proof.
split=> [held|replaced].
  elim: T => [|T IH] //=; apply/rowP => j; have [-> ->] := held T.
  by rewrite !mxE IH mul1r mul0r addr0.
by apply/rowP => j /=; have [-> ->] := replaced T; rewrite !mxE mul1r mul0r add0r.
Qed.

End Carousel.
